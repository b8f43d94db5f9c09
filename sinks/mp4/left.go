package mp4

// Left is told of each file that a recording let go of unfinished, by its path:
// its disk failed, or its pipeline was aborted. A program that wants to recover
// such files while it runs provides one (pipeline.Provide). It must not wait.
type Left func(file string)

// fromDisk lets go of what the system remembers of a file and has no need to
// write. After a failed fsync that may be what never reached the disk, and
// recovery must judge what did.
func fromDisk(f File) {
	if c, ok := f.(pageCache); ok {
		if size, err := f.Size(); err == nil {
			c.Forget(0, size)
		}
	}
}
