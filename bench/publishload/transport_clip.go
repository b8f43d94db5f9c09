package publishload

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/gospool/spool/bench/movie"
)

// Parts of a packet of an MPEG transport stream (ISO/IEC 13818-1, 2.4.3.2).
const (
	tsPacketBytes = 188
	tsHeaderBytes = 4
	tsScale       = 90000 // ticks of PTS a second
)

// The times of a transport stream.
const (
	tsBegin    = 1 * tsScale  // PTS of the first picture and of the first frame of sound
	tsPCRAhead = tsScale / 10 // from PCR to PTS
	tsTimeMask = 1<<33 - 1
)

// transportClip holds the packets of a clip, and those of a frame of sound, as mediacommon makes them.
type transportClip struct {
	pictures []transportUnit
	sound    transportUnit
	pids     int // number of PIDs
	fps      int64
}

// transportUnit holds the packets of an access unit, with the tables that precede it.
type transportUnit struct {
	packets []byte
	pid     []uint8 // of each packet, the index of its PID among those of the clip
	pcr     int     // offset of the PCR; 0: none
	pts     int     // offset of the PTS
	number  int     // offset of the number of a frame of sound
}

// newTransportClip makes the packets of the clip of a load. It refuses a load as fast as possible: a sender of datagrams
// does not learn how fast the server reads.
func newTransportClip(l *Load) (*transportClip, error) {
	if l.Fast {
		return nil, errors.New("datagrams cannot be sent as fast as possible")
	}
	c := l.Clip
	t := &transportClip{fps: int64(c.FPS)}
	var out bytes.Buffer
	video := &mpegts.Track{Codec: &codecs.H264{}}
	w := &mpegts.Writer{W: &out, Tracks: []*mpegts.Track{video}}
	sound := &mpegts.Track{Codec: &codecs.MPEG4Audio{Config: soundConfig()}}
	if l.Sound {
		w.Tracks = append(w.Tracks, sound)
	}
	if err := w.Initialize(); err != nil {
		return nil, err
	}
	index := map[uint16]uint8{}
	for i := range c.Units {
		at := tsBegin + int64(i)*tsScale/t.fps
		if err := w.WriteH264(video, at, at, c.Units[i].NALs); err != nil {
			return nil, fmt.Errorf("access unit %d: %w", i, err)
		}
		t.pictures = append(t.pictures, newTransportUnit(bytes.Clone(out.Bytes()), video.PID, index))
		out.Reset()
	}
	if l.Sound {
		const mark = 0x5a5a5a5a
		if err := w.WriteMPEG4Audio(sound, tsBegin, [][]byte{soundFrame(mark)}); err != nil {
			return nil, err
		}
		t.sound = newTransportUnit(out.Bytes(), sound.PID, index)
		t.sound.number = bytes.Index(t.sound.packets, soundFrame(mark)[:4])
	}
	t.pids = len(index)
	return t, nil
}

// newTransportUnit finds the fields of the packets of an access unit, whose PES packet has the given PID. index holds the
// index of each PID, and gets those that are new.
func newTransportUnit(packets []byte, pid uint16, index map[uint16]uint8) transportUnit {
	u := transportUnit{packets: packets}
	for at := 0; at < len(packets); at += tsPacketBytes {
		p := packets[at:]
		of := uint16(p[1]&0x1f)<<8 | uint16(p[2])
		if _, ok := index[of]; !ok {
			index[of] = uint8(len(index))
		}
		u.pid = append(u.pid, index[of])
		if of != pid || p[1]&0x40 == 0 {
			continue
		}
		pes := tsHeaderBytes
		if p[3]&0x20 != 0 { // an adaptation field: its length, its flags, perhaps a PCR
			pes += 1 + int(p[4])
			if p[4] > 0 && p[5]&0x10 != 0 {
				u.pcr = at + tsHeaderBytes + 2
			}
		}
		u.pts = at + pes + 9 // behind start code, stream_id, length, flags and the length of the header (2.4.3.6)
	}
	return u
}

// transportStream is the state of one stream of a transportClip.
type transportStream struct {
	clip       *transportClip
	continuity []uint8 // continuity_counter of the next packet of each PID
}

func (t *transportClip) stream() *transportStream {
	return &transportStream{clip: t, continuity: make([]uint8, t.pids)}
}

// picture appends the packets of the n-th picture to b.
func (s *transportStream) picture(b []byte, n int64) []byte {
	b, _ = s.unit(b, &s.clip.pictures[n%int64(len(s.clip.pictures))], tsBegin+n*tsScale/s.clip.fps)
	return b
}

// frame appends the packets of a frame of sound to b, whose time is in ticks of movie.AudioScale.
func (s *transportStream) frame(b, frame []byte, at int64) []byte {
	b, unit := s.unit(b, &s.clip.sound, tsBegin+at*tsScale/movie.AudioScale)
	copy(unit[s.clip.sound.number:], frame[:4])
	return b
}

// unit appends the packets of an access unit with a PTS to b. It returns the appended bytes, too.
func (s *transportStream) unit(b []byte, u *transportUnit, pts int64) (all, appended []byte) {
	from := len(b)
	b = append(b, u.packets...)
	packets := b[from:]
	for i, pid := range u.pid {
		counter := &packets[i*tsPacketBytes+3]
		*counter = *counter&0xf0 | s.continuity[pid]
		s.continuity[pid] = (s.continuity[pid] + 1) & 0x0f
	}
	if u.pcr > 0 {
		putPCR(packets[u.pcr:], pts-tsPCRAhead)
	}
	putPTS(packets[u.pts:], pts)
	return b, packets
}

// putPCR writes the base of a program_clock_reference (2.4.3.5), and no extension.
func putPCR(b []byte, ticks int64) {
	v := uint64(ticks) & tsTimeMask
	b[0], b[1], b[2], b[3] = byte(v>>25), byte(v>>17), byte(v>>9), byte(v>>1)
	b[4], b[5] = byte(v<<7)|0x7e, 0
}

// putPTS writes the PTS of a header without DTS (2.4.3.7).
func putPTS(b []byte, ticks int64) {
	v := uint64(ticks) & tsTimeMask
	b[0] = 0x21 | byte(v>>29)&0x0e
	b[1], b[2] = byte(v>>22), byte(v>>14)|1
	b[3], b[4] = byte(v>>7), byte(v<<1)|1
}
