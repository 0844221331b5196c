"""The document that a benchmark writes, in its sections."""

AIMS = "## Against the aims"


def renewed(written: str, report: str) -> str:
    """The document with the sections of a report in place of those that it had before, and of their
    aims; all others stay. What is before the first section stays as well."""
    sections, newer = parted(written), parted(report)
    for heading, lines in newer.items():
        if heading == AIMS:
            rows = {aim(line): line for line in lines}
            kept = [rows.pop(aim(line), line) for line in sections.get(AIMS, [])]
            sections[AIMS] = kept + [line for line in rows.values() if line]
        elif heading and heading not in sections:
            before = list(sections).index(AIMS) if AIMS in sections else len(sections)
            sections = dict([*list(sections.items())[:before], (heading, lines),
                             *list(sections.items())[before:]])
        elif heading:
            sections[heading] = lines
    text = ["\n".join(([heading, ""] if heading else []) + lines) for heading, lines in sections.items()]
    return "\n\n".join(text) + "\n"


def parted(text: str) -> dict:
    """The lines of each section by its heading, without blank ones at the ends."""
    sections, heading = {"": []}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line
            sections[heading] = []
        else:
            sections[heading].append(line)
    return {heading: "\n".join(lines).strip("\n").splitlines() for heading, lines in sections.items()}


def aim(row: str) -> str:
    """What an aim's row is about."""
    return row.split(" | ")[0]
