"""Delimited text as programs of many countries save it, and as people leave it behind."""

from __future__ import annotations

from tests.features.importing.expected import ABOVE, REMARK, TOTAL, Kept, table, text

PLAIN = Kept(
    "plain csv",
    "services.csv",
    text("name,owner,repository\npayments-api,team-pay,https://git.example.org/payments-api\nsearch,team-find,\n"),
    (
        table(
            "services",
            1,
            "name|owner|repository",
            {2: ("payments-api", "team-pay", "https://git.example.org/payments-api"), 3: ("search", "team-find", "")},
        ),
    ),
)

GERMAN = Kept(
    "semicolons in Windows-1252, as a German Excel saves",
    "Anwendungen.csv",
    text(
        "Anwendung;Verantwortlich;Beschreibung;Kosten\r\n"
        'Rechnungsprüfung;Größe & Maß GmbH;"Prüft Rechnungen; täglich – „automatisch“";1.200,50 €\r\n'
        "Lohnbüro;Müller;Löhne, Gehälter;300,00 €\r\n"
        "Summe;;;1.500,50 €\r\n",
        "cp1252",
    ),
    (
        table(
            "Anwendungen",
            1,
            "Anwendung|Verantwortlich|Beschreibung|Kosten",
            {
                2: ("Rechnungsprüfung", "Größe & Maß GmbH", "Prüft Rechnungen; täglich – „automatisch“", "1.200,50 €"),
                3: ("Lohnbüro", "Müller", "Löhne, Gehälter", "300,00 €"),
            },
            {4: TOTAL},
        ),
    ),
    ("Windows-1252", "semicolons"),
)

UNICODE_TEXT = Kept(
    "“Unicode text” of Excel: UTF-16 with tabs",
    "Services.txt",
    text("\ufeffService\tTeam\r\nBézier\tŁódź\r\nsearch\t検索\r\n", "utf-16-le"),
    (table("Services", 1, "Service|Team", {2: ("Bézier", "Łódź"), 3: ("search", "検索")}),),
    ("tabs",),
)

SEP_LINE = Kept(
    "a line that tells Excel the separator",
    "export.csv",
    text('sep=|\nname|team|tags\na-service|red|"x|y"\nb-service|blue|z\n'),
    (table("export", 1, ["name", "team", "tags"], {2: ("a-service", "red", "x|y"), 3: ("b-service", "blue", "z")}),),
    ("vertical bars",),
)

LINE_BREAKS = Kept(
    "line breaks and commas in quoted cells, after a byte order mark",
    "systems.csv",
    text(
        '\ufeffname,description,owner\r\nledger,"Books, twice:\r\nonce in red,\r\nonce in ""black"".",#ledger\r\n'
        '"  mail  ",  sends mail ,#post\r\n\r\n,,\r\nfax,,#post\r\n'
    ),
    (
        table(
            "systems",
            1,
            "name|description|owner",
            {
                2: ("ledger", 'Books, twice:\nonce in red,\nonce in "black".', "#ledger"),
                3: ("mail", "sends mail", "#post"),
                6: ("fax", "", "#post"),
            },
        ),
    ),
)

OLD_MAC = Kept(
    "Mac Roman with carriage returns, from an old Excel for Mac",
    "équipes.csv",
    text(
        "Nom,Équipe,Description\rcaisse,Trésorerie,“Règle” les dépôts…\rforêt,Données,Élève des arbres\r", "mac_roman"
    ),
    (
        table(
            "équipes",
            1,
            "Nom|Équipe|Description",
            {2: ("caisse", "Trésorerie", "“Règle” les dépôts…"), 3: ("forêt", "Données", "Élève des arbres")},
        ),
    ),
    ("Mac Roman",),
)

POLISH = Kept(
    "Windows-1250, as a Polish Excel saves",
    "usługi.csv",
    text(
        "Nazwa;Zespół;Opis\r\nkasa;Płatności;Przyjmuje wpłaty gotówką\r\npoczta;Łączność;Wysyła listy, także później\r\n",
        "cp1250",
    ),
    (
        table(
            "usługi",
            1,
            "Nazwa|Zespół|Opis",
            {
                2: ("kasa", "Płatności", "Przyjmuje wpłaty gotówką"),
                3: ("poczta", "Łączność", "Wysyła listy, także później"),
            },
        ),
    ),
    ("Windows-1250",),
)

CYRILLIC = Kept(
    "Windows-1251",
    "сервисы.csv",
    text(
        "Имя;Команда;Описание\r\nоплата;Платежи;Принимает платежи клиентов и отправляет чеки\r\n"
        "поиск;Данные;Находит товары в каталоге и подсказывает похожие\r\n",
        "cp1251",
    ),
    (
        table(
            "сервисы",
            1,
            "Имя|Команда|Описание",
            {
                2: ("оплата", "Платежи", "Принимает платежи клиентов и отправляет чеки"),
                3: ("поиск", "Данные", "Находит товары в каталоге и подсказывает похожие"),
            },
        ),
    ),
    ("CP1251",),
)

TITLED_CSV = Kept(
    "a report saved as CSV: titles above, a remark below, rows of different length",
    "report.csv",
    text(
        "Service inventory\n\nGenerated:,2026-10-01\n\nService,Team,Tier,URL\nbilling,Money,1,https://b.example.org\n"
        "shop,Sales,2\ncart,Sales,2,,\n\nLast updated by Jo in October\n"
    ),
    (
        table(
            "report",
            5,
            "Service|Team|Tier|URL",
            {
                6: ("billing", "Money", "1", "https://b.example.org"),
                7: ("shop", "Sales", "2", ""),
                8: ("cart", "Sales", "2", ""),
            },
            {1: ABOVE, 3: ABOVE, 10: REMARK},
        ),
    ),
)

TWO_HEADERS_CSV = Kept(
    "two header rows, saved as CSV: merged cells became blanks",
    "two.csv",
    text(
        "Service,Team,,Links,,Tier\n,Name,Channel,Repository,Docs,\npay,Money,#money,https://g.example/pay,,1\n"
        "shop,Sales,#sales,https://g.example/shop,https://d.example/shop,2\n"
    ),
    (
        table(
            "two",
            2,
            "Service|Team / Name|Team / Channel|Links / Repository|Links / Docs|Tier",
            {
                3: ("pay", "Money", "#money", "https://g.example/pay", "", "1"),
                4: ("shop", "Sales", "#sales", "https://g.example/shop", "https://d.example/shop", "2"),
            },
            notes=("The header takes rows 1 and 2",),
        ),
    ),
)

LONE_QUOTE = Kept(
    "a quotation mark that nobody closed",
    "quote.csv",
    text('name,size,team\nscreen,24",Desk\nkeys,"small,Desk\nmouse,"tiny, grey",Desk\nlamp,big,Light\n'),
    (
        table(
            "quote",
            1,
            "name|size|team",
            {
                2: ("screen", '24"', "Desk"),
                3: ("keys", '"small', "Desk"),
                4: ("mouse", "tiny, grey", "Desk"),
                5: ("lamp", "big", "Light"),
            },
            notes=("quotation mark near line 3",),
        ),
    ),
)

NO_HEADER = Kept(
    "no header at all",
    "list.csv",
    text("payments-api,#money,https://g.example/pay\nshop-web,#sales,https://g.example/shop\nmail-out,#sales,\n"),
    (
        table(
            "list",
            0,
            "Column A|Column B|Column C",
            {
                1: ("payments-api", "#money", "https://g.example/pay"),
                2: ("shop-web", "#sales", "https://g.example/shop"),
                3: ("mail-out", "#sales", ""),
            },
            notes=("no header row",),
        ),
    ),
)

GUARDED = Kept(
    "numbers and formulas that an export guards against Excel",
    "guarded.csv",
    text("name,cost centre,note\na-b,=\"00123\",'=1+1\nc-d,=\"00124\",'@here\ne-f,125,'quoted'\n"),
    (
        table(
            "guarded",
            1,
            "name|cost centre|note",
            {2: ("a-b", "00123", "=1+1"), 3: ("c-d", "00124", "@here"), 4: ("e-f", "125", "'quoted'")},
        ),
    ),
)

ONE_COLUMN = Kept(
    "nothing but names",
    "names.csv",
    text("Service\npayments\nshop\nmail, incoming\n"),
    (table("names", 1, ("Service",), {2: ("payments",), 3: ("shop",), 4: ("mail, incoming",)}),),
)
