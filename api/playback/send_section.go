package playback

import (
	"io"
	"net/http"
	"time"
)

// SendSection is SendMade for a part of a file, or of bytes in memory.
func SendSection(w http.ResponseWriter, r *http.Request, content *io.SectionReader, stall time.Duration, refuse func(w http.ResponseWriter, size string)) error {
	return SendMade(w, r, &section{content}, content.Size(), stall, refuse)
}

// section implements Made.
type section struct{ *io.SectionReader }

// Stretch returns a reader of the rest.
func (s *section) Stretch() (io.Reader, int64, error) {
	at, err := s.Seek(0, io.SeekCurrent)
	n := s.Size() - at
	if err == nil && n <= 0 {
		err = io.EOF
	}
	return io.NewSectionReader(s, at, n), n, err
}

// Skip moves the offset by n bytes.
func (s *section) Skip(n int64) { _, _ = s.Seek(n, io.SeekCurrent) } // beyond the end is no error, either
