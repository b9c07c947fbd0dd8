"""Decode the protobuf bodies that kubectl and other Go clients send."""
