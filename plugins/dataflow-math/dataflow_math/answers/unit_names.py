"""Names of units in several languages, as facts: each line a unit, its first name, and others.

Nothing is converted: that a kilometre has a thousand metres is not here.
"""

from __future__ import annotations

_NAMES = """
mm millimeter millimetre 毫米 millimètre millimètres milímetro milímetros millimetro millimetri мм
cm centimeter centimetre 厘米 公分 zentimeter centimètre centimètres centímetro centímetros
    centimetro centimetri см
dm decimeter decimetre 分米 dezimeter дм
meter metre mtr 米 公尺 mètre mètres metro metros metri метр метра метров
km kilometer kilometre kms 千米 公里 kilomètre kilomètres kilómetro kilómetros quilômetro
    quilômetros chilometro chilometri км
inch inches in 英寸 zoll
foot feet ft 英尺
yard yd yds
mile mi 英里 meile meilen milla millas milha milhas
acre acres
hectare ha
liter litre ltr 升 公升 litro litros litri литр литра литров
ml milliliter millilitre 毫升 мл
gallon gal gals
quart qt qts
pint pt pts
cup
ounce oz
tablespoon tbsp
teaspoon tsp
gram gramme 克 gramm grammes gramo gramos grama gramas grammo grammi грамм грамма граммов
kg kilogram kilogramme kilo kilos 千克 公斤 kilogramm кг
mg milligram 毫克
ton tonne 吨 tonnen tonelada toneladas tonnellata тонн тонны
pound pounds
lb lbs
newton
joule
watt
volt
ohm
calorie
second sec secs 秒 秒钟 sekunde sekunden seconde secondes segundo segundos secondo secondi секунд
    секунды секунда сек
minute min mins 分钟 minuten minuto minutos minuti минут минуты минута мин
hour hr hrs 小时 个小时 時間 시간 stunde stunden std heure heures hora horas ora ore час часа часов
day 天 日 tag tage tagen jour jours día días dia dias giorno giorni день дня дней
week wk wks 周 星期 woche wochen semaine semaines semana semanas settimana settimane недель недели
month 个月 monat monate monaten mois mes meses mês mese mesi месяц месяца месяцев
year yr yrs 年 jahr jahre jahren an ans année années año años ano anos anno anni год года лет
degree deg ° grad
radian rad rads
unit
time times
point pts.
dollar dollars usd $ 美元 dólar dólares dollari доллар доллара долларов
cent ¢
euro eur € 欧元 евро
gbp £ 英镑
yuan rmb cny renminbi 元 块 块钱
yen jpy 円
¥
rouble ruble рубль рубля рублей руб rub ₽
rupee rs rs. inr ₹
won krw ₩ 원
dime
nickel
penny pennies pence
person people 人 personen personne personnes persona personas человек человека
student
child children
man men
woman women
apple
book
page
word
car
ball
marble
way
piece
egg
digit
solution
triangle
square
side
ticket
bag
box boxes
bottle
支 枝
"""
_COUNTERS = (
    "个 只 本 张 棵 朵 盒 箱 袋 瓶 页 次 倍 岁 辆 颗 块糖 盆 条 头 件 度 分 种 道 台 位 名 组"
)
_SEVERAL_WORDS = {
    "mph": "mile/hour", "kph": "km/hour", "kmh": "km/hour",
    "平方米": "meter^2", "平方厘米": "cm^2", "平方分米": "dm^2", "平方千米": "km^2",
    "平方公里": "km^2", "立方米": "meter^3", "立方厘米": "cm^3", "立方分米": "dm^3",
    "quadratmeter": "meter^2", "quadratzentimeter": "cm^2", "kubikmeter": "meter^3",
    "kubikzentimeter": "cm^3", "mètres carrés": "meter^2", "metros cuadrados": "meter^2",
    "metros quadrados": "meter^2", "metri quadrati": "meter^2", "mètres cubes": "meter^3",
    "metros cúbicos": "meter^3", "квадратных метров": "meter^2",
    **{f"{degree}{scale[0]}": scale for scale in ("celsius", "fahrenheit")
       for degree in ("°", "° ")},
    **{f"{degree}{scale}": scale for scale in ("celsius", "fahrenheit")
       for degree in ("", "degree ", "degrees ", "grad ", "° ", "°")},
    "摄氏度": "celsius", "degrees c": "celsius", "degrees f": "fahrenheit",
}  # fmt: skip

LETTERS = {
    "s": ("second",), "h": ("hour",), "m": ("meter",), "g": ("gram",), "l": ("liter",),
    "L": ("liter",), "N": ("newton",), "J": ("joule",), "W": ("watt",), "V": ("volt",),
}  # fmt: skip
"""Units that a single letter may stand for."""

SHARED = frozenset({
    ("gbp", "pound"), ("lb", "pound"), ("yuan", "¥"), ("yen", "¥"),
    ("celsius", "degree"), ("degree", "fahrenheit"),
})  # fmt: skip
"""Pairs of which the one is a name that several units share, the other one of these units."""


def spellings() -> dict[str, str]:
    """Return the unit of each name, in lower case."""
    found = {}
    for line in _NAMES.replace("\n    ", " ").splitlines():
        unit, *others = line.split() or [""]
        for name in (unit, *others):
            found[name] = unit
            if name.isascii() and name.isalpha() and len(name) > 3 and not name.endswith("s"):
                found.setdefault(name + "s", unit)
    found.pop("", None)
    return found | {name: name for name in _COUNTERS.split()} | _SEVERAL_WORDS
