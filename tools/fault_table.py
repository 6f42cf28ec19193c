"""Prints the README's table of faults from the catalogue: python tools/fault_table.py."""

from __future__ import annotations

from xueliang_monitor.judgement.catalogue import FAULTS


def main() -> None:
    """Print Markdown."""
    print("| rung | code | 名称 | likely cause |\n| --- | --- | --- | --- |")
    for fault in FAULTS.values():
        print(f"| {fault.rung} | `{fault.code}` | {fault.name.zh} | {fault.cause.en} |")


if __name__ == "__main__":
    main()
