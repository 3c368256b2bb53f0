"""One module for each family of formats; each raises Refusal or returns. Cell only."""
