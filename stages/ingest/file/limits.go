package file

// maxTracks bounds the number of tracks of a file, and so the work for each fragment. No program writes as many tracks.
const maxTracks = 64
