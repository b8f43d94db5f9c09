package movie

import (
	"io"
	"sort"
)

// scattered joins several readers to one. It is safe for concurrent use if they are.
type scattered struct {
	places []io.ReaderAt
	ends   []int64 // offset of the end of each in the whole
}

// ReadAt reads at an offset of the whole: see io.ReaderAt.
func (s *scattered) ReadAt(b []byte, at int64) (read int, err error) {
	for i := sort.Search(len(s.ends), func(i int) bool { return s.ends[i] > at }); i < len(s.ends) && read < len(b); i++ {
		begin := int64(0)
		if i > 0 {
			begin = s.ends[i-1]
		}
		want := min(int64(len(b)-read), s.ends[i]-at)
		n, err := s.places[i].ReadAt(b[read:read+int(want)], at-begin)
		read, at = read+n, at+int64(n)
		if int64(n) < want {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF // the file has become shorter
			}
			return read, err
		}
	}
	if read < len(b) {
		return read, io.EOF
	}
	return read, nil
}
