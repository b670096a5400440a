"""Records go in; tables, figures and pages come out. Nothing here trains or measures."""
