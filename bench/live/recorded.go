package live

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/file"
)

// Printed is a Server.Took for servers whose last line of output is JSON of the form {"access_units": N, ...}. Every
// access unit that was sent is required.
func Printed(e Ended) (t Taken, err error) {
	var last struct {
		Units int64 `json:"access_units"`
	}
	if err := json.Unmarshal([]byte(e.Printed[strings.LastIndexByte(e.Printed, '\n')+1:]), &last); err != nil {
		return t, fmt.Errorf("its last line is no JSON: %w", err)
	}
	for _, s := range e.Sent {
		t.Lost += s.Pictures + s.Frames
	}
	if t.Lost -= last.Units; t.Lost == 0 {
		t.Whole = len(e.Sent)
	} else {
		t.First = fmt.Sprintf("it counted %d", last.Units)
	}
	return t, nil
}

// Recordings returns a Server.Took for servers that record MP4 files below {dir}, ordinary or fragmented, in a path
// with cam and the publisher's number: .../cam007/....mp4. It compares every picture with the clip, and every frame of
// sound with its number. Required is all that was sent, except for the first and the last GOP of each stream: a server
// may begin at the second key frame, and may drop the last sample, whose duration it does not know.
func Recordings(c *clip.Clip) func(Ended) (Taken, error) {
	return func(e Ended) (t Taken, err error) {
		files, err := byStream(e.Dir)
		if err != nil {
			return t, err
		}
		pool := media.NewPool(64 << 20)
		for i, sent := range e.Sent {
			r := recorded{clip: c, nextPicture: -1, nextFrame: -1}
			for _, path := range files[i+1] {
				if err := r.read(path, pool); err != nil {
					return t, err
				}
			}
			r.end(sent)
			t.Lost += r.lost
			if r.lost == 0 {
				t.Whole++
			} else if t.First == "" {
				t.First = fmt.Sprintf("cam%03d: %s", i+1, r.first)
			}
		}
		return t, nil
	}
}

var streamNumber = regexp.MustCompile(`cam(\d+)`)

// byStream returns the MP4 files below dir by the number of their stream, each list in the order of their names.
func byStream(dir string) (map[int][]string, error) {
	out := map[int][]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".mp4" {
			return err
		}
		if m := streamNumber.FindStringSubmatch(strings.TrimPrefix(path, dir)); m != nil {
			n, _ := strconv.Atoi(m[1])
			out[n] = append(out[n], path)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errors.New("no MP4 file of a stream is below its directory")
	}
	return out, err
}

// recorded compares the recording of one stream with what was sent.
type recorded struct {
	clip                     *clip.Clip
	nextPicture, nextFrame   int64 // number of the next access unit among those that were sent; -1: none was read
	firstPicture, firstSound int64
	lost                     int64
	first                    string // describes the first loss
	unit                     []byte // access unit that is compared
}

// read compares the next file of the recording.
func (r *recorded) read(path string, pool *media.Pool) error {
	f, err := file.Open(path, pool, time.Second, time.Unix(0, 0), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		c, err := f.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.chunk(c)
			c.Release()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
}

func (r *recorded) chunk(c *media.Chunk) error {
	for i := range c.Tracks {
		take := r.frame
		if c.Set.Tracks[i].Codec == codec.H264 {
			take = r.picture
		}
		blocks := blocks{slices.Clone(c.Tracks[i].Payload.Blocks())}
		for _, size := range c.Tracks[i].SizeBytes {
			r.unit = blocks.next(r.unit[:0], int(size))
			if err := take(r.unit); err != nil {
				return err
			}
		}
	}
	return nil
}

// blocks are the bytes of a payload that are still to be read.
type blocks struct{ left [][]byte }

// next appends the next n bytes to b.
func (p *blocks) next(b []byte, n int) []byte {
	for n > 0 && len(p.left) > 0 {
		k := min(n, len(p.left[0]))
		b = append(b, p.left[0][:k]...)
		if p.left[0], n = p.left[0][k:], n-k; len(p.left[0]) == 0 {
			p.left = p.left[1:]
		}
	}
	return b
}

// picture compares a picture with the next of the clip.
func (r *recorded) picture(unit []byte) error {
	lap := int64(len(r.clip.Units))
	from := max(r.nextPicture, 0)
	for n := from; n < from+lap; n++ {
		if !samePicture(unit, r.clip.Units[n%lap].NALs) {
			continue
		}
		if r.nextPicture < 0 {
			r.firstPicture = n
		} else if n > from {
			r.lose("pictures", from, n)
		}
		r.nextPicture = n + 1
		return nil
	}
	return fmt.Errorf("picture %d is none of the clip", from)
}

// samePicture reports whether an access unit with 4-byte lengths has the same slices as the NAL units. A recorder may
// leave out others, such as delimiters, or add parameter sets.
func samePicture(unit []byte, nals [][]byte) bool {
	for len(unit) >= 4 {
		n := int64(binary.BigEndian.Uint32(unit))
		if n > int64(len(unit)-4) {
			return false
		}
		nal := unit[4 : 4+n]
		if unit = unit[4+n:]; !slice(nal) {
			continue
		}
		for len(nals) > 0 && !slice(nals[0]) {
			nals = nals[1:]
		}
		if len(nals) == 0 || !bytes.Equal(nal, nals[0]) {
			return false
		}
		nals = nals[1:]
	}
	return !slices.ContainsFunc(nals, slice)
}

// slice reports whether a NAL unit of H.264 is a slice of a picture (ISO/IEC 14496-10, table 7-1).
func slice(nal []byte) bool { return len(nal) > 0 && nal[0]&0x1f >= 1 && nal[0]&0x1f <= 5 }

// frame compares the number of a frame of sound with the expected one.
func (r *recorded) frame(unit []byte) error {
	n, ok := publishload.FrameNumber(unit)
	if !ok || n < r.nextFrame {
		return fmt.Errorf("the frame of sound %d was not sent, or is recorded twice", max(n, r.nextFrame))
	}
	if r.nextFrame < 0 {
		r.firstSound = n
	} else if n > r.nextFrame {
		r.lose("frames of sound", r.nextFrame, n)
	}
	r.nextFrame = n + 1
	return nil
}

// end notes what is missing at the begin and at the end of the recording.
func (r *recorded) end(sent publishload.Sent) {
	pictures := int64(r.clip.GOP())
	frames := pictures*movie.AudioScale/movie.AudioStep/int64(r.clip.FPS) + 1
	r.ends("pictures", r.firstPicture, r.nextPicture, sent.Pictures, pictures)
	r.ends("frames of sound", r.firstSound, r.nextFrame, sent.Frames, frames)
}

// ends notes the access units of a track that are missing at its begin and its end, beyond those in the margin. first
// and next describe the recorded ones, of which there are none if next is negative.
func (r *recorded) ends(what string, first, next, sent, margin int64) {
	if next < 0 {
		first, next = margin, margin
	}
	if first > margin {
		r.lose(what, margin, first)
	}
	if next < sent-margin {
		r.lose(what, next, sent-margin)
	}
}

func (r *recorded) lose(what string, from, until int64) {
	r.lost += until - from
	if r.first == "" {
		r.first = fmt.Sprintf("%s %d to %d of those sent are missing", what, from, until-1)
	}
}
