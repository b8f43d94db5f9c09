package bundle

import (
	"archive/zip"
	"io"
	"time"
)

// Archive writes a zip archive whose files are stored without compression. Archives and files may be of any size
// (ZIP64).
type Archive struct {
	out *zip.Writer
	at  time.Time
}

// NewArchive returns an archive that is written to w. All its files have the modification time at.
func NewArchive(w io.Writer, at time.Time) *Archive {
	return &Archive{zip.NewWriter(w), at.UTC().Truncate(time.Second)}
}

// Create begins the next file. Its bytes are written to the result, until the next call of a method of a.
func (a *Archive) Create(name string) (io.Writer, error) {
	return a.out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: a.at})
}

// Close writes the directory of the archive. It does not close the writer.
func (a *Archive) Close() error { return a.out.Close() }
