package mp4

// Growth is told how long the files of recordings are while they grow. A program
// that limits their sum provides one (pipeline.Provide); its methods are called from
// many pipelines at once, for each chunk, and must not wait. Files are absolute paths.
type Growth interface {
	// Grew says that a file has so many bytes now.
	Grew(file, stream string, bytes int64)
	// Closed says that its recorder is done with a file, and what name it has now.
	Closed(file, as string)
}

// unmeasured is for a program that does not ask.
type unmeasured struct{}

func (unmeasured) Grew(string, string, int64) {}
func (unmeasured) Closed(string, string)      {}
