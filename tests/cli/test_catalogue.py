"""`operators`, `pipelines`, `storages`: what is listed, filtered and shown."""

from __future__ import annotations

import json

import pytest

from dataflow_core.cli.main import main

HOOKS = """
    @hookimpl
    def dataflow_register_operators():
        return [
            OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel the fruit.",
                         function="refine", modality="image", source="Orchard et al. 2020",
                         aliases=("skin",)),
            OperatorSpec(name="sort_out", target="dataflow_fruit.peel:NoOperator",
                         summary="Drop bad fruit.", function="filter", extra="juice"),
        ]

    @hookimpl
    def dataflow_register_pipelines():
        return [PipelineSpec(name="jam", target="dataflow_fruit.peel:Jam", summary="Make jam.")]

    @hookimpl
    def dataflow_register_storages():
        return [StorageSpec(name="basket", target="dataflow_fruit.peel:Basket",
                            summary="A basket.", schemes=("basket", "bag"))]
"""
PEEL = '''
    from __future__ import annotations
    from typing import TYPE_CHECKING, Annotated, Literal
    from pydantic import BaseModel, Field

    if TYPE_CHECKING:
        from nowhere import Storage

    class Text:
        name = "text"

    Fruit = Annotated[str, Text()]

    class Base(BaseModel):
        """Something with a knife.

        Attributes:
            knife: The knife to use,
                a sharp one: not a spoon.
        """

        knife: Literal["small", "large"] = "small"

    class Peel(Base):
        """Peel the fruit, all of it.

        The skin goes.

        Args:
            depth (float): How deep, in mm.

        Example:
            >>> Peel(depth=1)
        """

        depth: float = Field(gt=0, le=5)
        strips: list[str] = Field(default_factory=list, description="Where to begin.")

        def run(
            self,
            storage: Storage,
            input_fruit: Fruit = "fruit",
            output_skin: str = "skin",
            input_more: Fruit | None = None,
        ) -> None:
            """Peel.

            Args:
                input_fruit: The fruit.
            """

    class NoOperator: ...

    class Jam:
        """Make jam."""

        def __init__(self, storage: Storage | None = None, sugar: int = 3) -> None:
            """Start.

            Args:
                sugar: Spoons of it.
            """

    class Basket:
        """Hold fruit."""

        def __init__(self, url: str) -> None: ...
'''


@pytest.fixture
def fruit(site):
    site.add("dataflow-fruit", "fruit", HOOKS, modules={"dataflow_fruit/peel.py": PEEL})
    return site


def names(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return [item["name"] for item in json.loads(capsys.readouterr().out)]


def shown(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--namespace", "fruit"], ["fruit/peel", "fruit/sort_out"]),
        (["--namespace", "fruit", "--function", "filter"], ["fruit/sort_out"]),
        (["--namespace", "fruit", "--modality", "image"], ["fruit/peel"]),
        (["--search", "ORCHARD peel"], ["fruit/peel"]),
        (["--search", "orchard bad"], []),
        (["--namespace", "core", "--modality", "image", "--search", "sort"], ["core/sort"]),
    ],
)
def test_operators_are_filtered(fruit, capsys, filters, found):
    assert names(capsys, "operators", "list", *filters) == found


def test_listing_as_json_has_all_of_a_specification(fruit, capsys):
    main(["operators", "list", "--search", "fruit/peel", "--json"])
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "fruit/peel",
            "namespace": "fruit",
            "target": "dataflow_fruit.peel:Peel",
            "summary": "Peel the fruit.",
            "extra": None,
            "aliases": ["skin"],
            "function": "refine",
            "scope": "row",
            "modality": "image",
            "source": "Orchard et al. 2020",
            "example": "",
            "distribution": "dataflow-fruit",
            "version": "1.0",
        }
    ]


def test_listing_is_an_aligned_table(fruit, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    main(["operators", "list", "--namespace", "fruit"])
    assert capsys.readouterr().out.splitlines() == [
        "NAME            FUNCTION  SCOPE  MODALITY  SOURCE               SUMMARY",
        "fruit/peel      refine    row    image     Orchard et al. 2020  Peel the fruit.",
        "fruit/sort_out  filter    row    text                           Drop bad fruit.",
    ]


@pytest.mark.parametrize(
    ("source", "listed"),
    [
        ("Peeling (Orchard 2020), section 2; Skin (Rind 1999)", "Peeling (Orchard 2020)"),
        ("Peeling; Skin (Rind 1999)", "Peeling"),
        ("Peeling, all of it", "Peeling, all of it"),
        (
            "A Treatise on the Peeling of Fruit (Orchard 2020)",
            "A Treatise on the Peeling of Fruit (Orchard…",
        ),
        ("剥く (果樹園 2020)、第二章", "剥く (果樹園 2020)"),
    ],
)
def test_listing_has_the_first_source_without_its_section(
    fruit, capsys, monkeypatch, source, listed
):
    monkeypatch.delenv("COLUMNS", raising=False)
    fruit.add("dataflow-fruit", "fruit", HOOKS.replace("Orchard et al. 2020", source))
    main(["operators", "list", "--search", "fruit/peel"])
    line = capsys.readouterr().out.splitlines()[1]
    assert line == f"fruit/peel  refine    row    image     {listed:6}  Peel the fruit."


def test_listing_is_cut_to_a_narrow_terminal(fruit, capsys, monkeypatch):
    long = HOOKS.replace("Peel the fruit.", "Peel the fruit with a knife as long as an arm.")
    fruit.add("dataflow-fruit", "fruit", long)
    monkeypatch.setenv("COLUMNS", "70")
    main(["operators", "list", "--namespace", "fruit"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 70
    assert lines[1].endswith("…")
    assert "Orchard et al. 2020" in lines[1]


@pytest.mark.parametrize(
    ("width", "header"),
    [
        (95, "NAME FUNCTION SCOPE MODALITY SOURCE SUMMARY"),
        (80, "NAME FUNCTION SCOPE SOURCE SUMMARY"),
        (72, "NAME FUNCTION SOURCE SUMMARY"),
        (30, "NAME FUNCTION SOURCE SUMMARY"),
    ],
)
def test_listing_leaves_out_modality_and_scope_on_a_narrow_terminal(
    fruit, capsys, monkeypatch, width, header
):
    monkeypatch.setenv("COLUMNS", str(width))
    main(["operators", "list", "--namespace", "fruit"])
    assert capsys.readouterr().out.splitlines()[0].split() == header.split()


def test_listing_nothing_says_so(fruit, capsys):
    assert main(["operators", "list", "--search", "xyzzy"]) == 0
    assert capsys.readouterr() == ("", "No operators found.\n")


def test_listing_of_an_unknown_namespace_is_an_error(fruit, capsys):
    assert main(["operators", "list", "--namespace", "fruits"]) == 2
    assert "the plugin 'fruits' is not installed" in capsys.readouterr().err


def test_pipelines_and_storages_are_listed(fruit, capsys):
    assert names(capsys, "pipelines", "list", "--namespace", "fruit") == ["fruit/jam"]
    assert names(capsys, "storages", "list", "--search", "bag") == []
    assert names(capsys, "storages", "list", "--namespace", "fruit") == ["fruit/basket"]
    main(["storages", "list", "--namespace", "fruit"])
    assert "basket, bag" in capsys.readouterr().out


def test_operator_is_shown_with_fields_and_columns(fruit, capsys):
    found = shown(capsys, "operators", "show", "fruit/peel")
    assert found["parameters"] == [
        {
            "name": "knife",
            "type": "Literal['small', 'large']",
            "required": False,
            "default": "small",
            "description": "The knife to use, a sharp one: not a spoon.",
        },
        {
            "name": "depth",
            "type": "float, > 0, <= 5",
            "required": True,
            "default": None,
            "description": "How deep, in mm.",
        },
        {
            "name": "strips",
            "type": "list[str]",
            "required": False,
            "default": [],
            "description": "Where to begin.",
        },
    ]
    assert [tuple(column.values()) for column in found["columns"]] == [
        ("input_fruit", "text column", False, "fruit", "The fruit."),
        ("output_skin", "column", False, "skin", ""),
        ("input_more", "text column or none", False, None, ""),
    ]
    assert found["doc"].startswith("Peel the fruit, all of it.\n\nThe skin goes.")


def test_operator_is_shown_as_text(fruit, capsys):
    assert main(["operators", "show", "fruit/peel"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("fruit/peel: Peel the fruit.\n\n  function  refine\n")
    assert "  source    Orchard et al. 2020\n" in out
    assert "  plugin    dataflow-fruit 1.0\n" in out
    assert "The skin goes.\n\nExample:\n    >>> Peel(depth=1)\n\nParameters\n" in out
    assert "  depth: float, > 0, <= 5, required\n      How deep, in mm.\n" in out
    assert out.count("How deep") == 1
    assert '  input_fruit: text column, default "fruit"\n      The fruit.\n' in out.replace(
        "'", '"'
    )


def test_former_name_is_shown_with_a_note(fruit, capsys):
    assert main(["operators", "show", "fruit/skin"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("fruit/peel: ")
    assert err == "Note: the operator 'fruit/skin' is now called 'fruit/peel'; use the new name\n"


def test_unknown_operator_is_an_error_with_the_nearest(fruit, capsys):
    assert main(["operators", "show", "fruit/peal"]) == 2
    assert capsys.readouterr().err == (
        "Error: no operator 'fruit/peal'. Did you mean 'fruit/peel'?\n"
    )


def test_class_that_is_no_operator_is_an_error(fruit, capsys):
    assert main(["operators", "show", "fruit/sort_out"]) == 1
    assert "'dataflow_fruit.peel:NoOperator' is no operator" in capsys.readouterr().err


def test_pipeline_is_shown_with_its_arguments(fruit, capsys):
    parameters = shown(capsys, "pipelines", "show", "fruit/jam")["parameters"]
    assert [tuple(parameter.values()) for parameter in parameters] == [
        ("storage", "Storage | None", False, None, ""),
        ("sugar", "int", False, 3, "Spoons of it."),
    ]


def test_storage_is_shown_with_its_schemes(fruit, capsys):
    found = shown(capsys, "storages", "show", "fruit/basket")
    assert found["schemes"] == ["basket", "bag"]
    main(["storages", "show", "fruit/basket"])
    assert "  schemes   basket, bag\n" in capsys.readouterr().out


def test_every_core_operator_can_be_shown(site, capsys):
    for name in names(capsys, "operators", "list", "--namespace", "core"):
        assert main(["operators", "show", name]) == 0
        assert name in capsys.readouterr().out
        assert shown(capsys, "operators", "show", name)["doc"]
