"""All drawing, as SVG and Mermaid text made on the server: no script, no network."""
