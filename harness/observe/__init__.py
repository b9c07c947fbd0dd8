"""What happened meanwhile: watchers that write the timeline."""
