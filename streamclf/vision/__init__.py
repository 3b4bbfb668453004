"""Pure parts: arrays in, arrays out; no input or output, no clock."""
