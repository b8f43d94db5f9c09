package file

// maxTracks bounds the number of tracks, and so the work for each fragment. No program writes as many.
const maxTracks = 64
