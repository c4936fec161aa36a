"""What a launch may bring along: who sent the request, and which tags may choose the pod. Enter by `coordinator`."""
