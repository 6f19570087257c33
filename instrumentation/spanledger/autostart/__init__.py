"""Starting Spanledger in a program that does not know of it.

``spanledger run`` puts this folder on ``PYTHONPATH``, where the interpreter finds ``sitecustomize`` before the program
begins. Children of the program that are Python too are started the same way, and belong to the same execution.
"""
