"""The word lists that every generated text is made of. Changing one means another tokenizer and another model."""

NAMES = "Ada Bo Cleo Dag Eda Finn Gia Hugo Ines Jon Kai Lena Milo Nora Otto Pia".split()
ITEMS = (
    "shells coins apples books stamps marbles pencils cards stones seeds tickets buttons cakes nails keys cups".split()
)
WORDS = (
    "ant bell boat cat cloud coat door drum egg fish flag gate hill inn jar king lamp leaf map milk moon nest "
    "oven paper quilt ring river salt sun tree urn vase wolf yard zebra"
).split()

COLORS = "red blue green black white yellow grey brown".split()
FOODS = "moss berries roots fish seeds honey grass nuts".split()
HOMES = "caves lakes forests deserts swamps hills rivers meadows".split()
SIZES = "tiny small large huge".split()
TIMES = "at dawn|at noon|at dusk|at night".split("|")
ATTRS = {  # attribute -> (values, statements, questions)
    "color": (
        COLORS,
        ["The {e} is {v}.", "Every {e} has {v} fur.", "The fur of the {e} is {v}."],
        ["What color is the {e}?", "Which color does the fur of the {e} have?"],
    ),
    "food": (
        FOODS,
        ["The {e} eats {v}.", "Every {e} feeds on {v}.", "The food of the {e} is {v}."],
        ["What does the {e} eat?", "What is the food of the {e}?"],
    ),
    "home": (
        HOMES,
        ["The {e} lives in {v}.", "Every {e} has its home in {v}.", "The home of the {e} is in {v}."],
        ["Where does the {e} live? It lives in", "In what place is the home of the {e}? In"],
    ),
    "size": (
        SIZES,
        ["The {e} is a {v} animal.", "Every {e} has a {v} body.", "The body of the {e} is {v}."],
        ["How big is the {e}?", "What size is the body of the {e}?"],
    ),
    "time": (
        TIMES,
        ["The {e} wakes up {v}.", "Every {e} comes out {v}.", "The {e} can be seen {v}."],
        ["When does the {e} wake up?", "When can the {e} be seen?"],
    ),
}

JOBS = {  # job -> (place, thing handled, verb)
    "baker": ("bakery", "bread", "bakes"),
    "miller": ("mill", "flour", "grinds"),
    "smith": ("forge", "iron", "heats"),
    "fisher": ("harbor", "net", "mends"),
    "teacher": ("school", "lesson", "starts"),
    "tailor": ("shop", "coat", "sews"),
    "farmer": ("field", "corn", "cuts"),
    "painter": ("studio", "picture", "paints"),
    "nurse": ("clinic", "bandage", "changes"),
    "pilot": ("airfield", "engine", "checks"),
    "potter": ("workshop", "bowl", "shapes"),
    "singer": ("theater", "song", "sings"),
}
CONTAINERS = "box jar bag drawer basket pot chest tin".split()
THINGS = "key coin ring pen button stamp shell nail card pin bead nut".split()

FILTERS = {  # name -> (word, condition)
    "even": ("even", "x % 2 == 0"),
    "odd": ("odd", "x % 2 == 1"),
    "positive": ("positive", "x > 0"),
    "negative": ("negative", "x < 0"),
}
AGGREGATES = {  # name -> (words, expression around a generator)
    "sum": ("the sum of the", "sum({g})"),
    "list": ("a list of the", "[{g}]"),
    "count": ("how many", "len([{g}])"),
    "largest": ("the largest of the", "max({g})"),
    "smallest": ("the smallest of the", "min({g})"),
}
STRING_STEPS = {  # name -> (words, as the first step, as the second step)
    "reverse": ("in reverse", "s[::-1]", "[::-1]"),
    "upper": ("in upper case", "s.upper()", ".upper()"),
    "lower": ("in lower case", "s.lower()", ".lower()"),
    "twice": ("two times", "s * 2", " * 2"),
}
