package file

// maxTracks is more than any program writes. It bounds the work for each track of each fragment.
const maxTracks = 64
