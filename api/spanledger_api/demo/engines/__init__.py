"""The sample engines, written as their owners would write them: nothing here knows of the demonstration around it."""
