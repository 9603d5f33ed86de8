"""Safe mode: screen a result, blur what does not pass, report both."""
