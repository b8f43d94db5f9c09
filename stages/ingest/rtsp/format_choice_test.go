package rtsp

import (
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

func generic(pt uint8, rtpmap string) *format.Generic {
	return &format.Generic{PayloadTyp: pt, RTPMa: rtpmap, ClockRat: 90000}
}

// Of several formats of a section the sent one is the track, wherever it stands among them, and the others neither
// delay nor change it.
func TestOfSeveralFormatsTheOneThatIsSentIsRecorded(t *testing.T) {
	file := clip(t, "h264", x264...)
	for name, shape := range map[string]func(*footage){
		"first": func(f *footage) {
			f.video.Formats = append(f.video.Formats, &format.H265{PayloadTyp: 98}, generic(99, "vnd.x/90000"))
		},
		"last": func(f *footage) {
			f.video.Formats = []format.Format{generic(99, "vnd.x/90000"), &format.H265{PayloadTyp: 98}, f.h264}
		},
		"sound": func(f *footage) {
			f.audio.Formats = append([]format.Format{&format.G711{MULaw: true, SampleRate: 8000, ChannelCount: 1}}, f.audio.Formats...)
		},
		"of two": func(f *footage) {
			f.video.Formats = []format.Format{&format.H264{PayloadTyp: 98, PacketizationMode: 1}, f.h264}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			_, addr := r.serve(Config{})
			wait := r.record("cam")
			f := film(t, file, true)
			shape(f)
			c := f.publish(t, "rtsp://"+addr+"/cam", true, f.packets)
			eventually(t, "all units have come", func() bool { return r.info("cam").AccessUnits >= uint64(f.units) })
			c.Close()
			got := wait()
			require.Len(t, got.sets, 1)
			compare(t, file, codec.H264, got, 0)
			require.Contains(t, r.book.String(), `by="sender reports"`)
			require.Empty(t, r.losses("cam"))
			require.Empty(t, r.info("cam").Unrecorded)
		})
	}
}

// sentAs returns footage whose sound is sent in another format.
func (f *footage) sentAs(pt uint8, of *description.Media) (out []footagePacket) {
	for _, p := range f.packets {
		if p.media == of {
			pkt := *p.pkt
			pkt.PayloadType = pt
			p.pkt = &pkt
		}
		out = append(out, p)
	}
	return out
}

func TestASectionOfAnUnsupportedFormatIsLeftOut(t *testing.T) {
	file := clip(t, "h264", x264...)
	r := newFixture(t)
	_, addr := r.serve(Config{})
	wait := r.record("cam")
	f := film(t, file, false)
	f.audio.Formats = append(f.audio.Formats, &format.Generic{PayloadTyp: 3, RTPMa: "GSM/8000", ClockRat: 8000})
	pictures, _ := probe(t, file, "v")
	c := f.publish(t, "rtsp://"+addr+"/cam", false, f.sentAs(3, &f.audio))
	eventually(t, "all pictures have come", func() bool { return r.info("cam").AccessUnits == uint64(len(pictures)) })
	require.Equal(t, []string{"gsm"}, r.info("cam").Unrecorded)
	c.Close()
	got := wait()
	require.Len(t, got.sets, 1)
	require.Len(t, got.sets[0].Tracks, 1)
	compareTrack(t, pictures, got.units[codec.H264], 12800, 90000)
	require.Contains(t, r.book.String(), "the sender sends an unsupported format")
}

// A stray packet of another format, first or later, costs no more than the packets that show it was a stray.
func TestAStrayPacketDoesNotChooseTheFormat(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	wait := r.record("cam")
	f := film(t, clip(t, "h264", x264...), true)
	f.video.Formats = append(f.video.Formats, &format.H265{PayloadTyp: 98})
	stray := footagePacket{&f.video, &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 98, SequenceNumber: 7}, Payload: []byte{0x40, 1, 2, 3}}}
	packets := []footagePacket{stray}
	for i, p := range f.packets {
		if packets = append(packets, p); i%200 == 199 {
			packets = append(packets, stray)
		}
	}
	c := f.publish(t, "rtsp://"+addr+"/cam", true, packets)
	eventually(t, "pictures are kept", func() bool { return r.info("cam").AccessUnits > uint64(f.units/2) })
	c.Close()
	got := wait()
	require.NotEmpty(t, got.units[codec.H264])
	require.Empty(t, got.units[codec.H265])
	strays := uint64(len(packets) - len(f.packets) - 1)
	require.Equal(t, displaces-1+strays, r.losses("cam")[media.DropOtherFormat])
	require.Contains(t, r.book.String(), "another format from now on")
}
