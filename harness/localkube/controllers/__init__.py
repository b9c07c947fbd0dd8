"""The controllers: each watches the API and writes to it until what is there is what was asked for."""
