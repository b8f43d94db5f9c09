package file

// maxTracks bounds the number of tracks of a file, and so the work for each fragment. No program writes as many tracks.
const maxTracks = 64

// Frames of uncompressed sound of which each is a sample of the file are joined to access units of a fraction of a
// second, and of maxJoinedBytes at most.
const (
	joinedPerSecond = 25
	maxJoinedBytes  = 64 << 10
)
