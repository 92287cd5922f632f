"""The patterns of texts in a manifest, with what they mean in words; both faces and `api.sentences` use them."""

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
QUANTITY = r"^[+-]?[0-9.]+(m|[eE][+-]?[0-9]+|[kKMGTPE]i?)?$"
HTTP_URL = r"^https?://\S+$"
SHA256 = r"^[0-9a-f]{64}$"
PATTERNS = {
    DNS_LABEL: "may hold lower-case letters, digits and '-', and begins and ends with a letter or digit",
    QUANTITY: "must be a Kubernetes quantity such as 500m, 2 or 4Gi",
    HTTP_URL: "must be a URL that begins with http:// or https://",
    SHA256: "must be 64 lower-case hexadecimal digits",
}
