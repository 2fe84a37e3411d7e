"""The engine: Faust made safe. The three stages run on it; none of them touches Faust itself."""
