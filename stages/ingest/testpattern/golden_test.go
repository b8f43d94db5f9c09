package testpattern

// goldenVideo is the beginning of the SHA-256 of the first hundred frames of the default stream, which begins with
// the year 2026.
const goldenVideo = "51457db0f1450e9a"
