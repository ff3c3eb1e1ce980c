"""An independent parser of X12 (StAEDI, Java), for what the gatekeeper wrote."""
