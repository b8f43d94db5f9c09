package hls

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
)

// ErrNoRanges reports a file whose media cannot be served as ranges of its bytes, because it has no
// fragments, such as a file of another program.
var ErrNoRanges = errors.New("the file has no fragments")

// Chunk is one fragment of a file: a range of its bytes with an moof and its samples. Times are those
// of the movie, in ns. The lead track is the first video track, or without one the first audio track.
type Chunk struct {
	At        int64 // offset of the range: the end of the chunk before
	SizeBytes int64 // length of the range
	KeyBytes  int64 // length from At to the end of the first lead sample, if that is a sync sample; else 0
	StartNS   int64 // presentation time of a key frame at the begin, or else the least of the lead samples
	FirstNS   int64 // presentation time of the first lead sample in the file
	LastNS    int64 // greatest presentation time of a lead sample
	EndNS     int64 // end of the lead samples' presentation, without the hole
	HoleNS    int64 // time without media between EndNS and the next chunk; 0: none
	MinNS     int64 // least presentation time of all pictures and sound
	MaxNS     int64 // greatest presentation time of all pictures and sound
}

// walk reads the samples of all tracks in the order of the file.
type walk struct {
	r    *clip.Recording
	lead int
	next []pending

	lastNS int64 // duration of the last lead sample
}

// pending is the next sample of a track.
type pending struct {
	cursor *clip.Cursor
	sample isobmff.Sample
	left   bool // sample is valid: the track has not ended
}

func newWalk(r *clip.Recording, lead int) (*walk, error) {
	w := &walk{r: r, lead: lead, next: make([]pending, len(r.Tracks))}
	for i := range r.Tracks {
		w.next[i].cursor = r.Samples(i, 0, r.Tracks[i].Samples)
		if err := w.next[i].advance(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (p *pending) advance() (err error) {
	p.left, err = p.cursor.Next(&p.sample)
	return err
}

// first returns the track whose next sample is first in the file, or -1 if no sample is left.
func (w *walk) first() int {
	at, least := -1, int64(math.MaxInt64)
	for i := range w.next {
		if p := &w.next[i]; p.left && p.sample.At < least {
			at, least = i, p.sample.At
		}
	}
	return at
}

// payload is the run of samples that follow each other in the file without a byte between them: the
// payload of one mdat.
type payload struct {
	at, end int64 // offsets of the first sample, and of the end of the last one
	samples int64
	leads   bool  // it has a lead sample
	played  bool  // it has a sample of pictures or sound
	Chunk         // without At and SizeBytes; KeyBytes counts from at
	lastNS  int64 // duration of the last lead sample, also of the payload before
}

// read reads the next payload into p. ok is false behind the last one. It returns ErrNoRanges for
// samples that overlap, or that are not in the order of their bytes.
func (w *walk) read(p *payload) (ok bool, err error) {
	*p = payload{lastNS: w.lastNS}
	defer func() { w.lastNS = p.lastNS }()
	for i := w.first(); i >= 0; i = w.first() {
		s := &w.next[i].sample
		switch {
		case p.samples == 0:
			p.at, p.end = s.At, s.At
		case s.At < p.end:
			return false, fmt.Errorf("%w: its samples are not in order", ErrNoRanges)
		case s.At > p.end:
			return true, nil
		}
		p.end += int64(s.SizeBytes)
		p.samples++
		p.add(&w.r.Tracks[i], s, i == w.lead)
		if err := w.next[i].advance(); err != nil {
			return false, err
		}
	}
	return p.samples > 0, nil
}

// add adds a sample that ends at p.end.
func (p *payload) add(t *clip.Track, s *isobmff.Sample, lead bool) {
	if !t.Handler.Is("vide") && !t.Handler.Is("soun") {
		return
	}
	shown := t.NS(s.DTS + int64(s.OffsetTicks))
	if !p.played {
		p.played, p.MinNS, p.MaxNS = true, shown, shown
	}
	p.MinNS, p.MaxNS = min(p.MinNS, shown), max(p.MaxNS, shown)
	if lead {
		p.addLead(t, s, shown)
	}
}

func (p *payload) addLead(t *clip.Track, s *isobmff.Sample, shown int64) {
	lasts := t.NS(s.DurationTicks)
	p.HoleNS = 0
	if lasts > leastHoleNS && p.lastNS > 0 && lasts > 3*p.lastNS { // media is missing behind this sample
		p.HoleNS, lasts = lasts-p.lastNS, p.lastNS
	}
	p.lastNS = lasts
	switch {
	case !p.leads:
		p.leads, p.StartNS, p.FirstNS, p.LastNS, p.EndNS = true, shown, shown, shown, shown+lasts
		if s.Sync {
			p.KeyBytes = p.end - p.at
		}
	case p.KeyBytes == 0:
		p.StartNS = min(p.StartNS, shown)
	}
	p.LastNS, p.EndNS = max(p.LastNS, shown), max(p.EndNS, shown+lasts)
}

// leastHoleNS is the least duration of a sample behind which media may be missing: see addLead.
const leastHoleNS = int64(2 * time.Second)
