"""Words for slugs, searches and accounts, in several languages; and names made of syllables for everything else."""

# ruff: noqa: SIM905, RUF001, E501 - lists of words read better as text; Greek and Cyrillic are meant

from random import Random

_LANGUAGES = {
    "en": "summer garden kitchen travel winter coffee review guide family music update history local market bread winner "
    "release notes annual meeting photo camera bicycle river mountain school volunteer budget simple recipe weekend "
    "repair workshop training office select union order table drop group insert admin login test system",
    "de": "garten küche reise winter kaffee verein familie musik jugend wandern fahrrad schule rezept brot markt straße "
    "prüfung jahresversammlung übersicht anmeldung haus feuerwehr kirche sommerfest heizung wärmepumpe",
    "fr": "jardin cuisine voyage hiver café famille musique actualité vélo école recette marché l'été d'automne réunion "
    "adhésion bénévole montagne forêt château pâtisserie",
    "es": "jardín cocina viaje invierno noticias familia música bicicleta escuela receta mercado montaña año niños "
    "reunión ayuntamiento deporte salud",
    "pl": "ogród kuchnia podróż zima rodzina muzyka rower szkoła przepis rynek góry zebranie święta śniadanie źródło",
    "tr": "bahçe mutfak gezi kış kahve aile müzik bisiklet okul tarif pazar dağ toplantı güncel çocuk öğrenci şehir",
    "ru": "сад кухня путешествие зима новости семья музыка велосипед школа рецепт рынок горы собрание погода дети",
    "el": "κήπος κουζίνα ταξίδι χειμώνας νέα οικογένεια μουσική σχολείο συνταγή αγορά βουνό παιδιά",
    "zh": "花园 厨房 旅行 冬天 新闻 家庭 音乐 自行车 学校 食谱 市场 会议 天气 孩子 城市 公告",
    "ja": "庭 台所 旅行 冬 ニュース 家族 音楽 自転車 学校 レシピ 市場 会議 天気 子供 お知らせ",
    "ko": "정원 부엌 여행 겨울 뉴스 가족 음악 자전거 학교 요리법 시장 회의 날씨 공지사항",
    "ar": "حديقة مطبخ سفر شتاء أخبار عائلة موسيقى دراجة مدرسة وصفة سوق اجتماع طقس",
    "hi": "बगीचा रसोई यात्रा सर्दी समाचार परिवार संगीत साइकिल स्कूल बाज़ार बैठक मौसम",
}
LANGUAGES = {name: text.split() for name, text in _LANGUAGES.items()}
_WEIGHTS = {"en": 6.0, "de": 2.0}
_FIRST = (
    "alice bob carol dave eve frank grace heidi ivan judy karl laura mike nina oscar paula quinn rosa sam tina ulrich "
    "vera walter xenia yusuf zoe anna ben clara david emma felix greta hugo ines jonas lena marco nora otto petra ralf "
    "sofia tom ana luis jose maria wei li chen yuki ken sora ahmed fatima omar ravi priya olga igor piotr ewa"
).split()
_LAST = (
    "smith jones brown miller wagner fischer weber martin bernard garcia lopez kowalski nowak ivanov petrov yilmaz kaya "
    "tanaka sato kim lee park chen wang singh kumar rossi bianchi silva santos jansen devries o'neill o'reilly"
).split()
_ROLES = "info office sales support contact webmaster admin backup deploy jobs news team root git monitor".split()
_SYLLABLES = (
    "ba be bi bo bu da de di do du fa fe ga go ha he ka ke ki ko la le li lo lu ma me mi mo na ne ni no pa pe po ra re "
    "ri ro sa se si so ta te ti to va ve vi wa za zo an en in on er ar or el al um us ix"
).split()


def language(rng: Random) -> str:
    """A language code of LANGUAGES, English most often."""
    names = list(LANGUAGES)
    return rng.choices(names, [_WEIGHTS.get(name, 1.0) for name in names])[0]


def name(rng: Random, low: int = 2, high: int = 4) -> str:
    """An invented word of `low` to `high` syllables."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(low, high)))


def phrase(rng: Random, lang: str, low: int = 1, high: int = 5) -> list[str]:
    """Words of a headline or of a search; now and then an invented one (a brand, a place)."""
    vocabulary = LANGUAGES[lang]
    return [name(rng) if rng.random() < 0.25 else rng.choice(vocabulary) for _ in range(rng.randint(low, high))]


def accounts(rng: Random, n: int, first: str | None = None) -> list[str]:
    """`n` different account names in one of the styles in use: alice, alice.smith, asmith, alice1987."""
    style = rng.randrange(4)
    found: list[str] = [first] if first else []
    while len(found) < n:
        given, family = rng.choice(_FIRST), rng.choice(_LAST).replace("'", "")
        if rng.random() < 0.12:
            account = rng.choice(_ROLES)
        elif style == 0:
            account = given if given not in found else f"{given}{family[0]}"
        else:
            account = (f"{given}.{family}", f"{given[0]}{family}", f"{given}{rng.randrange(60, 2010)}")[style - 1]
        if account not in found:
            found.append(account)
    return found
