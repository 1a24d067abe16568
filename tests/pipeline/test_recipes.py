"""Plans as files and as Python: round trips, and errors with file and line."""

import ast
from typing import ClassVar, Literal

import pytest
import yaml
from pydantic import Field

from dataflow_core import FileStorage, Filter, MemoryStorage, Pipeline, Refiner, Storage
from dataflow_core.errors import ConfigurationError, DataflowError, PlanError, RecipeError
from dataflow_core.operators.general import (
    Apply,
    Concatenate,
    DeduplicateExact,
    DeriveColumn,
    FilterRows,
    Join,
    RenameColumns,
    Sample,
    Sort,
)
from dataflow_core.pipeline.plan import Plan, Step, TableRef
from dataflow_core.pipeline.python_source import PlanPipeline, to_python
from dataflow_core.pipeline.recipe import (
    from_yaml,
    import_target,
    load_recipe,
    plan_as_dict,
    to_yaml,
)
from dataflow_core.pipeline.settings import reconfigure
from dataflow_core.plugins import PluginManager

MANAGER = PluginManager()


def resolve(name):
    return MANAGER.load(MANAGER.find("operator", name))


class Everything(Refiner):
    """Has configuration of every kind."""

    scope: ClassVar = "row"

    text: str = "x"
    ratio: float = 0.5
    names: tuple[str, ...] = ()
    table: dict[str, int] = Field(default_factory=dict)
    mode: Literal["a", "b"] = "a"
    maybe: int | None = 3

    def run(self, storage: Storage, input_text: str = "text", output_a: str | None = "a") -> None:
        """Do nothing."""


ODD = Everything(
    text="quotes ' \" and \\ and\nlines, 日本語: {x}",
    ratio=float("inf"),
    names=("a", "b c"),
    table={"k: v": 1, "": 2},
    mode="b",
    maybe=None,
)


@pytest.fixture
def lookup(tmp_path):
    path = tmp_path / "names.jsonl"
    path.write_text('{"lang": "de", "name": "German"}\n', encoding="utf-8")
    return path


ROWS = [
    {"lang": "de", "text": "ja ja", "n": 3},
    {"lang": "fr", "text": "oui", "n": 2},
    {"lang": "de", "text": "ja ja", "n": 1},
]


class Branches(Pipeline):
    """Forks, joins and concatenates."""

    def __init__(self, storage=None, lookup=None):
        super().__init__(storage)
        self.names = FileStorage(lookup)
        self.unique = DeduplicateExact()
        self.odd = Everything(text="z")

    def forward(self):
        self.unique.run(self.names, ["lang"])
        self.odd.run(self.storage, output_a=None)
        branch = self.storage.fork()
        FilterRows(where="n > 1").run(self.storage)
        Join().run(self.storage, self.names, ["lang"])
        FilterRows(where="n <= 1").run(branch)
        second = branch.fork()
        DeriveColumn(template="{{ text }}!").run(branch, "text")
        Concatenate().run(branch, second)
        Concatenate().run(self.storage, branch)
        Sort(order="descending").run(self.storage, ["n"])


def same(left, right):
    """Compare plans; files are the same when their paths are."""

    def told(plan):
        files = {n: s and s.source.name for n, s in plan.sources.items() if n != "source"}
        return plan.name, plan.steps, files, plan.result

    return told(left) == told(right)


def plans(lookup):
    a, b, c = FilterRows(where="n > 1"), Sort(), Join(unmatched="drop")
    files = {"source": None, "names": FileStorage(lookup)}
    on = {"input_table": TableRef("names"), "input_on": ("lang",)}
    by = {"input_columns": ("n",)}
    fork = {"input_table": TableRef("c")}
    return {
        "branches": Branches(lookup=lookup).compile(),
        "line": Plan("line", (Step("a", a, {}), Step("b", b, by, "a")), result="b"),
        "odd": Plan(
            "odd", (Step("odd", ODD, {"input_text": "t x", "output_a": None}),), result="odd"
        ),
        "main after branch": Plan(
            "p",
            (
                Step("c", a, {}),
                Step("m", a, {}),
                Step("d", Concatenate(), fork, "m"),
                Step("e", Concatenate(), {"input_table": TableRef("m")}, "d"),
            ),
            result="e",
        ),
        "main first": Plan(
            "p",
            (Step("m", a, {}), Step("c", a, {}), Step("d", Concatenate(), fork, "m")),
            result="d",
        ),
        "result in the middle": Plan(
            "p", (Step("m", a, {}), Step("n", a, {}, "m"), Step("o", a, {}, "source")), result="m"
        ),
        "names": Plan(
            "p",
            tuple(
                Step(name, a, {}, table)
                for name, table in [
                    ("class", "source"),
                    ("compile", "class"),
                    ("storage", "compile"),
                ]
            ),
            result="storage",
        ),
        "second table": Plan("p", (Step("c", c, on),), files, "c"),
        "one operator twice": Plan("p", (Step("a", a, {}), Step("b", a, {}, "a")), result="b"),
    }


NAMES = [
    "branches", "line", "odd", "main after branch", "main first", "result in the middle", "names",
    "second table", "one operator twice",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_survives_its_recipe(name, lookup):
    plan = plans(lookup)[name]
    for named, found in ((None, None), (MANAGER.name_of, resolve)):
        text = to_yaml(plan, named)
        again = from_yaml(text, found)
        assert same(again, plan)
        assert to_yaml(again, named) == text


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_survives_its_python_source(name, lookup):
    plan = plans(lookup)[name]
    again = pipeline_class(to_python(plan))().compile()
    assert same(again, plan)
    assert same(PlanPipeline(plan).compile(), plan)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"odd", "branches"}])
def test_the_replayed_and_the_written_pipeline_do_the_same(name, lookup):
    plan = plans(lookup)[name]
    tables = [MemoryStorage(ROWS), MemoryStorage(ROWS)]
    PlanPipeline(plan, tables[0]).forward()
    pipeline_class(to_python(plans(lookup)[name]))(tables[1]).forward()
    assert tables[0].rows() == tables[1].rows()
    kept = [row for row in ROWS if row["n"] > 1]
    if name in ("main first", "main after branch"):
        assert tables[0].rows() == kept * (2 if name == "main first" else 3)
    if name == "result in the middle":
        assert tables[0].rows() == kept


def pipeline_class(source):
    module = {}
    exec(compile(source, "written.py", "exec"), module)  # noqa: S102
    return next(
        v
        for v in module.values()
        if isinstance(v, type) and issubclass(v, Pipeline) and v is not Pipeline
    )


def test_the_written_python_reads_well(lookup):
    source = to_python(plans(lookup)["branches"])
    assert "class Branches(Pipeline):" in source
    assert "self.unique.run(self.names, input_columns=['lang'])" in source
    assert source.count("from dataflow_core import FileStorage, Pipeline, Storage\n") == 1
    assert "None)" not in source.replace("storage: Storage | None = None)", "").replace(
        "output_a=None)", ""
    )
    imports = [
        node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)
    ]
    assert len(imports) == len(set(imports))


def test_operators_of_one_module_are_imported_in_one_line():
    steps = (Step("a", Everything(), {}), Step("b", Second(), {"input_columns": None}, "a"))
    source = to_python(Plan("p", steps, result="b"))
    assert f"from {__name__} import Everything, Second\n" in source
    assert "self.b.run(self.storage)\n" in source
    assert "FileStorage" not in source


class Second(Filter):
    """Reads all columns by default."""

    def run(self, storage: Storage, input_columns: tuple[str, ...] | None = None) -> None:
        """Do nothing."""


def test_bindings_that_are_none_by_default_are_left_out():
    plan = Plan("p", (Step("b", Second(), {"input_columns": None}),), result="b")
    assert "columns" not in plan_as_dict(plan, None)["steps"][0]
    odd = Plan("p", (Step("b", ODD, {"input_text": "text", "output_a": None}),), result="b")
    assert plan_as_dict(odd, None)["steps"][0]["columns"] == {
        "input_text": "text",
        "output_a": None,
    }


def test_recipes_are_plain_yaml_with_registered_names(lookup):
    content = yaml.safe_load(to_yaml(plans(lookup)["second table"], MANAGER.name_of))
    assert content == {
        "dataflow": 1,
        "name": "p",
        "sources": {"names": str(lookup)},
        "steps": [
            {
                "name": "c",
                "operator": "core/join",
                "config": {"unmatched": "drop"},
                "columns": {"input_table": {"table": "names"}, "input_on": ["lang"]},
            }
        ],
    }


def test_what_a_file_cannot_hold_is_refused(lookup):
    function = Plan("p", (Step("mine", Apply(func=len), {}),), result="mine")
    memory = Plan(
        "p",
        (Step("c", Concatenate(), {"input_table": TableRef("more")}),),
        {"source": None, "more": MemoryStorage([])},
        "c",
    )
    options = Plan(
        "p", memory.steps, {"source": None, "more": FileStorage(lookup, columns=["name"])}, "c"
    )

    class Local(Refiner):
        """Defined here."""

        def run(self, storage: Storage) -> None:
            """Do nothing."""

    local = Plan("p", (Step("l", Local(), {}),), result="l")
    for plan, message in [
        (function, "step 'mine' cannot be written"),
        (memory, "the second table 'more' is a MemoryStorage"),
        (options, "without further options"),
        (local, "defined inside a function"),
    ]:
        for write in (to_yaml, to_python):
            with pytest.raises(RecipeError, match=message):
                write(plan)
        assert plan_as_dict(plan, None)["steps"]


def test_a_result_off_the_main_table_cannot_be_a_pipeline(lookup):
    files = {"source": None, "names": FileStorage(lookup)}
    plan = Plan("p", (Step("a", FilterRows(where="TRUE"), {}, "names"),), files, "a")
    with pytest.raises(PlanError, match="comes from the table 'names', not from the main one"):
        PlanPipeline(plan)


# Errors

RECIPE = """\
dataflow: 1
name: tidy
steps:
- name: long
  operator: core/filter_rows
  config:
    where: n > 1
- name: best
  operator: core/sort
  columns:
    input_columns: [n]
"""


def test_a_recipe_reads():
    plan = from_yaml(RECIPE, resolve)
    assert [(step.name, step.table, step.operator) for step in plan.steps] == [
        ("long", "source", FilterRows(where="n > 1")),
        ("best", "long", Sort()),
    ]
    assert (plan.name, plan.result, plan.sources) == ("tidy", "best", {"source": None})


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("name: tidy", "name: [tidy", 3, "not valid YAML"),
        ("dataflow: 1", "dataflow: 2", 1, "begins with 'dataflow: 1', its format; found 2"),
        ("dataflow: 1\n", "", 1, "found None"),
        ("name: tidy", "nmae: tidy", 2, "unknown key 'nmae'. Did you mean 'name'"),
        ("  config:", "  konfig:", 6, "unknown key 'konfig'. Did you mean 'config'"),
        ("core/filter_rows", "core/filter_row", 5, "core/filter_rows"),
        ("core/filter_rows", "nothing.here:X", 5, "cannot import 'nothing.here:X'"),
        ("core/filter_rows", "json:dumps", 5, "json:dumps is no operator class"),
        ("core/filter_rows", "json:dumpz", 5, "no attribute 'dumpz'. Did you mean 'dump'?"),
        ("  operator: core/sort\n", "", 8, "a step names its operator"),
        ("where: n > 1", "wher: n > 1", 6, "wher: no such parameter. Did you mean 'where'"),
        ("where: n > 1", "where: n >", 6, "does not parse"),
        ("where: n > 1", "where: 3", 6, "where: Input should be a valid string"),
        ("    input_columns: [n]", "    input_column: [n]", 10, "Did you mean 'input_columns'"),
        ("    input_columns: [n]", "    input_columns: 3", 10, "names, as a list of strings"),
        ("name: tidy", "name: tidy\nname: tidier", 3, "the key 'name' stands twice"),
        ("    where: n > 1", "    where: a\n    where: b", 8, "the key 'where' stands twice"),
        ("where: n > 1", "where: {{ n }} > 1", 7, "not valid YAML"),
        ("where: n > 1", "where: {{ n }}", 7, "not valid YAML"),
        ("- name: best", "- name: best\n  table: lnog", 9, "makes. Did you mean 'long'"),
        ("- name: best", "- name: best\n  table: [long]", 9, "no earlier step makes"),
        ("- name: best", "- name: long", 8, "two tables are named 'long'"),
        ("name: tidy", "name: tidy\nresult: bset", 3, "its result 'bset' is no step or source"),
        ("name: tidy", "name: tidy\nsources: {more: 3}", 3, "a second table is NAME: PATH"),
        ("name: tidy", "name: tidy\nsources: [a]", 3, "names and values wanted"),
        ("  config:\n    where: n > 1", "  config: 3", 6, "names and values wanted, found 3"),
    ],
)  # fmt: skip
def test_recipe_errors_have_file_and_line(old, new, line, message):
    assert RECIPE.count(old) == 1 or old == "  config:"
    with pytest.raises(RecipeError) as caught:
        from_yaml(RECIPE.replace(old, new, 1), resolve, path="tidy.yaml")
    assert str(caught.value).startswith(f"tidy.yaml, line {line}: ")
    assert message in str(caught.value)


def test_all_faults_of_a_recipe_are_told_at_once():
    recipe = """\
dataflow: 1
sources: {more: 3}
steps:
- name: long
  operator: core/filter_rows
  config: {were: n > 1}
  columns: {input_x: n}
- operator: core/nosuch
- operator: core/concatenate
  columns:
    input_table: {table: lng}
- table: gone
  name: late
  operator: core/filter_rows
  config: {where: n > 1}
result: late
"""
    with pytest.raises(RecipeError) as caught:
        from_yaml(recipe, resolve, path="r.yaml")
    assert str(caught.value).startswith("r.yaml, 6 problems:\n  line 2: a second table is")
    lines = [line for line, _ in caught.value.faults]
    messages = [message for _, message in caught.value.faults]
    assert lines == [2, 6, 7, 8, 11, 12]
    for message, part in zip(
        messages,
        ("NAME: PATH", "were", "input_x", "nosuch", "Did you mean 'long'?", "table 'gone'"),
        strict=True,
    ):
        assert part in message


def test_a_second_table_that_is_not_there_has_its_line():
    recipe = RECIPE + "- operator: core/concatenate\n  columns:\n    input_table: {table: mroe}\n"
    with pytest.raises(
        RecipeError, match="recipe, line 14: step 'concatenate' works on table 'mroe'"
    ):
        from_yaml(recipe, resolve)


@pytest.mark.parametrize(
    "text", ["", "- a\n- b\n", "3", "dataflow: 1\n", "dataflow: 1\nsteps: []\n"]
)
def test_files_that_are_no_recipes(text):
    with pytest.raises(RecipeError, match=r"recipe, line [12]: "):
        from_yaml(text, resolve)


def test_yaml_tags_make_no_objects():
    with pytest.raises(RecipeError, match="not valid YAML"):
        from_yaml("dataflow: !!python/object/apply:os.getcwd []\n")


def test_recipes_load_from_files(tmp_path):
    path = tmp_path / "tidy.yaml"
    with pytest.raises(RecipeError, match=r"cannot read the recipe .*tidy\.yaml"):
        load_recipe(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot read the recipe"):
        load_recipe(path)
    path.write_text(RECIPE.replace("name: tidy\n", ""), encoding="utf-8")
    assert load_recipe(path, resolve, MemoryStorage([])).name == "tidy"


def test_registered_names_need_a_manager():
    with pytest.raises(RecipeError, match="line 5: registered names need a plugin manager"):
        from_yaml(RECIPE)


# Reconfiguration


def test_reconfigure_changes_fields_and_keeps_the_others():
    plan = from_yaml(RECIPE, resolve)
    changed = reconfigure(plan, {"long.where": "n > 2", "best.order": "descending"})
    assert [step.operator for step in changed.steps] == [
        FilterRows(where="n > 2"),
        Sort(order="descending"),
    ]
    assert plan.steps[0].operator == FilterRows(where="n > 1")
    assert reconfigure(plan, {}) == plan


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("lnog.where", "TRUE", "Did you mean 'long'"),
        ("where", "TRUE", r"parameter is STEP\.FIELD"),
        ("long.wher", "TRUE", "wher: no such parameter. Did you mean 'where'"),
        ("long.where", 3, "where: Input should be a valid string"),
        ("best.order", "up", "order: Input should be 'ascending' or 'descending'"),
    ],
)
def test_reconfigure_refuses(setting, value, message):
    with pytest.raises(ConfigurationError, match=message):
        reconfigure(from_yaml(RECIPE, resolve), {setting: value})


def test_reconfigure_checks_fields_together():
    plan = Plan("p", (Step("s", Sample(count=3), {"input_group": None}),), result="s")
    with pytest.raises(DataflowError, match="give either count or fraction"):
        reconfigure(plan, {"s.fraction": 0.5})
    rename = Plan("p", (Step("r", RenameColumns(names={"a": "b"}), {}),), result="r")
    assert reconfigure(rename, {"r.names": {"a": "c"}}).steps[0].operator.names == {"a": "c"}


def test_a_name_that_is_there_and_cannot_be_imported_is_no_misspelling(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text(
        "def __getattr__(name):\n    import no_such_library\n"
        "def __dir__():\n    return ['Cleaner']\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PlanError, match=r"No module named 'no_such_library'\. It takes"):
        import_target("half_there:Cleaner")
