package file

// maxTracks is more than any program writes, and bounds what is done for each track
// of each fragment.
const maxTracks = 64
