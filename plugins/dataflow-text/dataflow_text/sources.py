"""The published sources of the operators, as the operators cite them; nothing is imported here."""

from __future__ import annotations

GOPHER = "Gopher (Rae et al. 2021), appendix A.1.1"
"""Scaling Language Models: Methods, Analysis & Insights from Training Gopher, arXiv:2112.11446."""

GOPHER_REPETITION = f"{GOPHER}, table A1"

C4 = "C4 (Raffel et al. 2020), section 2.2"
"""Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, JMLR 21."""

FINEWEB = "FineWeb (Penedo et al. 2024), additional heuristic filters"
"""The FineWeb Datasets: Decanting the Web for the Finest Text Data at Scale, NeurIPS."""

REDPAJAMA = "RedPajama-V2 (Weber et al. 2024), quality signals"
"""RedPajama: an Open Dataset for Training Large Language Models, NeurIPS."""

DATAFLOW = "DataFlow (Liang et al. 2025), text pipelines"
"""DataFlow: An LLM-Driven Framework for Unified Data Preparation, arXiv:2512.16676."""

MINHASH = "MinHash (Broder 1997); Fast Similarity Sketching (Dahlgaard et al. 2017)"
"""On the Resemblance and Containment of Documents, SEQUENCES; and FOCS."""

SIMHASH = "SimHash (Charikar 2002), section 3; Manku, Jain and Das Sarma (2007), section 3"
"""Similarity Estimation Techniques from Rounding Algorithms, STOC; and Detecting Near-Duplicates
for Web Crawling, WWW."""

RESEMBLANCE = "Resemblance by smallest hashes (Broder 1997)"
"""On the Resemblance and Containment of Documents, SEQUENCES."""

DISTINCT = "distinct-n (Li et al. 2016)"
"""A Diversity-Promoting Objective Function for Neural Conversation Models, NAACL."""

DIVERSITY = "HD-D (McCarthy and Jarvis 2007); MTLD (McCarthy and Jarvis 2010)"
"""vocd: A theoretical and empirical evaluation, Language Testing 24; and MTLD, vocd-D, and HD-D: A
validation study, Behavior Research Methods 42."""

VOCABULARY = "unseen words (Good 1953); Heaps' law (Heaps 1978), section 7.5"
"""The Population Frequencies of Species and the Estimation of Population Parameters, Biometrika 40;
and Information Retrieval: Computational and Theoretical Aspects, Academic Press."""

LANGID = "langid.py (Lui and Baldwin 2012)"
"""langid.py: An Off-the-shelf Language Identification Tool, ACL system demonstrations."""

BLEU = "BLEU (Papineni et al. 2002), by sacreBLEU (Post 2018)"
"""BLEU: a Method for Automatic Evaluation of Machine Translation, ACL; and A Call for Clarity in
Reporting BLEU Scores, WMT."""

CHRF = "chrF (Popović 2015)"
"""chrF: character n-gram F-score for automatic MT evaluation, WMT."""

TER = "TER (Snover et al. 2006)"
"""A Study of Translation Edit Rate with Targeted Human Annotation, AMTA."""

ROUGE = "ROUGE (Lin 2004), sections 2 and 3"
"""ROUGE: A Package for Automatic Evaluation of Summaries, Text Summarization Branches Out."""

CIDER = "CIDEr (Vedantam et al. 2015)"
"""CIDEr: Consensus-based Image Description Evaluation, CVPR."""

BPE = "byte pair encoding (Sennrich et al. 2016)"
"""Neural Machine Translation of Rare Words with Subword Units, ACL."""

KNESER_NEY = "Kneser-Ney (Chen and Goodman 1999)"
"""An empirical study of smoothing techniques for language modeling, Computer Speech & Language 13;
the method is that of Kneser and Ney (1995)."""

TRAFILATURA = "trafilatura (Barbaresi 2021)"
"""Trafilatura: A Web Scraping Library and Command-Line Tool for Text Discovery and Extraction, ACL
system demonstrations."""

SNOWBALL = "Snowball (Porter 2001)"
"""Snowball: A language for stemming algorithms."""

SYMSPELL = "SymSpell (Garbe 2012)"
"""The method of the library SymSpell."""

HTML = "HTML Living Standard (WHATWG), section 13"
"""What a parser takes for a tag, a comment, or a character reference."""

URLS = "RFC 3986 (Berners-Lee et al. 2005)"
"""Uniform Resource Identifier (URI): Generic Syntax."""

HTML_URLS = f"{HTML}; {URLS}"

MARKDOWN_IMAGES = "CommonMark (MacFarlane 2024), section 6.4; MediaWiki, Help:Images"
"""CommonMark Spec, version 0.31.2; and the manual of the software of Wikipedia."""

WIKI_REFERENCES = "MediaWiki, Extension:Cite; English Wikipedia, citation templates"
"""The manual of the software of Wikipedia; and the templates that its pages use."""

UNICODE_LINES = "Unicode Standard (2025), section 5.8"
"""The Unicode Standard, version 17.0: newline guidelines."""

UNICODE_CASE = "Unicode Standard (2025), section 3.13"
"""The Unicode Standard, version 17.0: default case conversion."""

UNICODE_CATEGORIES = "Unicode Standard (2025), section 4.5"
"""The Unicode Standard, version 17.0: general category."""

UNICODE_EMOJI = "Unicode emoji (UTS #51)"
"""Unicode Technical Standard 51: Unicode Emoji, version 17.0."""

FTFY = "ftfy (Speer 2019)"
"""ftfy, Zenodo, doi:10.5281/zenodo.2591652; the method is that of this library."""

DATES_AND_MONEY = "ISO 8601 (2019), dates; ISO 4217 (2015), currencies"
"""Date and time: representations for information interchange; and codes for currencies."""

PERSONAL_DATA = "ISO/IEC 7812 (2017), cards; ISO 13616 (2020), IBANs; Presidio (Microsoft), names"
"""Identification of issuers; International bank account number; and the library
presidio-analyzer."""

XXHASH = "xxHash (Collet 2020), XXH3"
"""The hash function of the library xxHash, from its version 0.8 on."""

DUPLICATES = f"{XXHASH}; {MINHASH}"

OWN = "DataFlow text operators"
"""This package: what it does after no publication, by rules of its own."""
