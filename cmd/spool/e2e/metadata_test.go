package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// documents is a codec of timed metadata: how a file and a session description name it, and what its access units are.
type documents struct {
	fourcc string
	texts  []string // fields of the sample entry
	rtpmap string
	unit   func(i, n int) []byte // access unit i, with n bytes that tell nothing
}

var (
	onvif = documents{"metx", []string{"", "http://www.onvif.org/ver10/schema", ""}, "vnd.onvif.metadata/90000", func(i, n int) []byte {
		return fmt.Appendf(nil, `<?xml version="1.0"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><!--%d %s--></tt:MetadataStream>`, i, bytes.Repeat([]byte{'-', ' '}, n/2))
	}}
	klv = documents{"mett", []string{"", "application/smpte336m"}, "smpte336m/90000", func(i, n int) []byte {
		head := []byte{0x06, 0x0e, 0x2b, 0x34, 0x02, 0x0b, 0x01, 0x01, 0x0e, 0x01, 0x03, 0x01, 0x01, 0, 0, 0, 0x82, byte((n + 1) >> 8), byte(n + 1), byte(i)}
		return append(head, make([]byte, n)...)
	}}
)

// A unit of metadata comes with every fifth picture, and has a time 13 ms later.
const (
	picturesOfUnit = 5
	unitLateTicks  = 13 * 90
)

// of returns the access unit that comes with a picture, if one does. Its size is up to 6 KB.
func (d documents) of(picture int) ([]byte, bool) {
	i := picture / picturesOfUnit
	return d.unit(i, i*977%6000+10), picture%picturesOfUnit == 2
}

// beside returns a copy of a file of pictures, 25 a second, with a track of metadata. The file has its moov at the end.
func (d documents) beside(t *testing.T, file string, pictures int) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	at := bytes.LastIndex(b, []byte("moov")) - 4
	var mdat, moov isobmff.Writer
	columns := media.Columns{EndTicks: int64(pictures * frameTicks)}
	for k := range pictures {
		if unit, comes := d.of(k); comes {
			mdat.Append(unit)
			columns.DTS, columns.OffsetTicks = append(columns.DTS, int64(k*frameTicks+unitLateTicks)), append(columns.OffsetTicks, 0)
			columns.SizeBytes, columns.Flags = append(columns.SizeBytes, uint32(len(unit))), append(columns.Flags, media.FlagSync)
		}
	}
	var table isobmff.TableBuilder
	table.Add(&columns, 0, int64(at+8))
	open := moov.Open("moov")
	moov.Append(b[at+8:])
	d.trak(&moov, &table, pictures)
	moov.Close(open)
	var out isobmff.Writer
	out.Append(b[:at])
	out.Box("mdat", mdat.B)
	out.Append(moov.B)
	path := filepath.Join(t.TempDir(), "source.mp4")
	require.NoError(t, os.WriteFile(path, out.B, 0o600))
	return path
}

func (d documents) trak(w *isobmff.Writer, table *isobmff.TableBuilder, pictures int) {
	trak := w.Open("trak")
	w.Tkhd(&isobmff.TrackHeader{ID: 9, DurationTicks: uint64(pictures * 1000 / 25)})
	edts := w.Open("edts")
	w.Elst([]isobmff.Edit{{DurationTicks: (2*frameTicks + unitLateTicks) / 90, MediaTicks: -1}, {DurationTicks: uint64(pictures * 1000 / 25)}})
	w.Close(edts)
	mdia := w.Open("mdia")
	w.Mdhd(&isobmff.MediaHeader{Timescale: 90000, DurationTicks: uint64(table.DurationTicks()), Language: "und"})
	w.Hdlr("meta", "metadata")
	minf := w.Open("minf")
	w.Nmhd()
	w.Dinf()
	stbl := w.Open("stbl")
	stsd := w.OpenFull("stsd", 0, 0)
	w.U32(1)
	w.MetadataEntry(d.fourcc, d.texts...)
	w.Close(stsd)
	table.Write(w)
	w.Close(stbl)
	w.Close(minf)
	w.Close(mdia)
	w.Close(trak)
}

// publish sends the pictures of a file in real time over RTSP, and the metadata that beside adds to them.
func (d documents) publish(t *testing.T, file, url string) sender {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "source.h264")
	tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", raw)
	pictures, err := footage.Read(raw, 25)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	p := &libraryPublisher{t: t, stop: stop, done: make(chan error, 1)}
	go func() { p.done <- d.send(ctx, pictures, url); close(p.done) }()
	t.Cleanup(p.kill)
	return p
}

func (d documents) send(ctx context.Context, pictures *footage.Clip, url string) error {
	h := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: pictures.SPS, PPS: pictures.PPS}
	m := &format.Generic{PayloadTyp: 107, RTPMa: d.rtpmap, ClockRat: 90000}
	coder, err := h.CreateEncoder()
	if err != nil {
		return err
	}
	video := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{h}}
	data := &description.Media{Type: description.MediaTypeApplication, Formats: []format.Format{m}}
	client := newRTSPClient()
	if err := client.StartRecording(url, &description.Session{Medias: []*description.Media{video, data}}); err != nil {
		return err
	}
	defer client.Close()
	began := time.Now()
	write := func(of *description.Media, p *rtp.Packet) error { // the library sends reports with these times
		return client.write(of, p, began.Add(time.Duration(p.Timestamp)*time.Second/90000))
	}
	pace := time.NewTicker(time.Second / 25)
	defer pace.Stop()
	seq := uint16(0)
	for k, u := range pictures.Units {
		packets, err := coder.Encode(u.NALs)
		if err != nil {
			return err
		}
		for _, p := range packets {
			p.Timestamp = uint32(k * frameTicks)
			if err := write(video, p); err != nil {
				return err
			}
		}
		unit, comes := d.of(k)
		for comes && len(unit) > 0 {
			n := min(len(unit), 1200)
			p := &rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 107, SequenceNumber: seq, Timestamp: uint32(k*frameTicks + unitLateTicks), Marker: n == len(unit)},
				Payload: unit[:n],
			}
			if err := write(data, p); err != nil {
				return err
			}
			seq, unit = seq+1, unit[n:]
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil
		}
	}
	client.finish()
	return nil
}
