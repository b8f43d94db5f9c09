package file

import (
	"log/slog"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Facts are what a file tells before it is read.
type Facts struct {
	Duration   time.Duration // of the longest track; 0: unknown
	MediaBytes int64         // of an ordinary MP4 file, and at most of a transport stream; 0: unknown
	MoovBytes  int64         // bound on the tables of a new MP4 file: see Reader.Content; 0: unknown
}

// Look opens a file and returns its facts. It returns an error if the source "file" cannot open it. The content tells what
// a file is, not its name.
func Look(path string) (f Facts, err error) {
	if stream := openTransportStream(path); stream != nil {
		defer stream.Close()
		info, err := stream.Stat()
		if err != nil {
			return f, named(path, err)
		}
		return Facts{MediaBytes: info.Size()}, nil
	}
	if readLocalPlaylist(path) != nil {
		return f, nil
	}
	r, err := Open(path, media.NewPool(0), media.DefaultFlush, time.Unix(0, 1), slog.New(slog.DiscardHandler))
	if err != nil {
		return f, err
	}
	defer r.Close()
	f.Duration = r.Duration()
	f.MediaBytes, f.MoovBytes = r.Content()
	return f, nil
}
