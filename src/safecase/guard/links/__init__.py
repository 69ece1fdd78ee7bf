"""Ways out: links, images and forms that carry data away."""
