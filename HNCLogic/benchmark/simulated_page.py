"""The benchmark on simulated patients as tables: Markdown, one HTML page, and the terminal."""

from __future__ import annotations

from typing import Any

from HNCLogic.report.page import page

Rows = list[tuple[str, ...]]


def gate_rows(setting: dict[str, Any]) -> Rows:
    """What, how it is counted, value, limit, whether it held."""
    rows = []
    for gate in setting["gates"]:
        held = "" if not gate["limit"] else ("held" if gate["passed"] else "FAILED")
        rows.append((gate["name"], gate["words"], number(gate["value"]), gate["limit"], held))
    return rows


def verdict_rows(setting: dict[str, Any]) -> Rows:
    rows = []
    for name, scores in setting["verdicts"].items():
        interval = scores["auc_interval"]
        area = number(scores["auc"])
        if interval is not None:
            area += f" ({number(interval[0])} to {number(interval[1])})"
        rows.append((name, area, share(scores["sensitivity"]), share(scores["specificity"])))
    return rows


def outline_rows(setting: dict[str, Any]) -> Rows:
    """Pooled, mean and median Dice of primary, nodes and union; patients missed; negatives."""
    rows = []
    for name, scores in setting["outlines"].items():
        row = [name]
        for target in ("primary", "nodes", "union"):
            found = scores[target]
            row.append("" if found is None else " / ".join(
                number(found[how]) for how in ("pooled", "mean", "median")
            ))  # fmt: skip
        union = scores["union"]
        row.append("" if union is None else f"{union['failed']} of {union['scans']}")
        row.append("" if scores["clean_negatives"] is None else share(scores["clean_negatives"]))
        rows.append(tuple(row))
    return rows


TABLES = (
    ("Honesty gates", ("what", "", "value", "must be", ""), gate_rows),
    ("Cancer or not", ("method", "AUC (95 %)", "sensitivity", "specificity"), verdict_rows),
    (
        "Outlines: Dice, pooled / mean / median",
        ("method", "primary", "nodes", "both", "missed", "negatives left alone"),
        outline_rows,
    ),
)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def share(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return ""
    return f"{number(found['value'])} ({number(found['low'])} to {number(found['high'])})"


def markdown(summary: dict[str, Any]) -> str:
    parts = ["# Benchmark on simulated patients", f"**{summary['simulated']}** {_by(summary)}"]
    for name, setting in summary["settings"].items():
        parts.append(f"## {name}: {setting['words']}")
        parts.append(f"Images: `{setting['images']} --out FOLDER`")
        for title, heading, rows in TABLES:
            lines = [heading, ("---",) * len(heading), *rows(setting)]
            parts.append(f"### {title}")
            parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    return "\n\n".join(parts) + "\n"


def html(summary: dict[str, Any]) -> str:
    """One page that stands alone, in the report's style."""
    return page(
        "simulated_benchmark.html",
        summary=summary,
        by=_by(summary),
        failed=sum(not g["passed"] for s in summary["settings"].values() for g in s["gates"]),
        tables=[
            (name, setting, [(title, heading, rows(setting)) for title, heading, rows in TABLES])
            for name, setting in summary["settings"].items()
        ],
    )


def show(summary: dict[str, Any]) -> None:
    """The tables on the terminal; what failed in red."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(summary["simulated"])
    for name, setting in summary["settings"].items():
        for title, heading, rows in TABLES:
            table = Table(title=f"{name}, {setting['words']}: {title}", title_justify="left")
            for column in heading:
                table.add_column(column)
            for row in rows(setting):
                table.add_row(*row, style="bold red" if row[-1] == "FAILED" else None)
            console.print(table)


def _by(summary: dict[str, Any]) -> str:
    return (
        f"{summary['patients_of_each_setting']} patients a setting, half of them with tumour, in "
        f"matched pairs; anatomy: {summary['anatomy']}; {summary['made_by']}."
    )
