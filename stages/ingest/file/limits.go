package file

// The most that is read into memory at once: a day of video has a moov of some
// 50 MB, and a fragment's moof has some kilobytes.
const (
	maxMoov = 1 << 30
	maxMoof = 64 << 20
)

// maxTracks is more than any program writes, and bounds what is done for each track
// of each fragment.
const maxTracks = 64
