package rtp

import (
	"bytes"
	"image"
	standardjpeg "image/jpeg"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// pictureJPEG returns a picture of quality 50 that image/jpeg coded (4:2:0, without restart markers), and its
// entropy-coded data with the marker at the end.
func pictureJPEG(t testing.TB, width, height int) (picture, data []byte) {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = byte(i * i)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = byte(5*i), byte(7*i)
	}
	var b bytes.Buffer
	require.NoError(t, standardjpeg.Encode(&b, m, &standardjpeg.Options{Quality: 50}))
	at := bytes.Index(b.Bytes(), []byte{0xff, 0xda})
	return b.Bytes(), b.Bytes()[at+14:]
}

// payloadJPEG returns a payload (RFC 2435, 3.1) of a picture of 48x32. head holds the headers after the main header.
func payloadJPEG(offset int, kind, q byte, head, data []byte) []byte {
	return slices.Concat([]byte{0, byte(offset >> 16), byte(offset >> 8), byte(offset), kind, q, 48 / 8, 32 / 8}, head, data)
}

func sameJPEG(t *testing.T, want, got []byte) {
	t.Helper()
	var decoded [2]image.Image
	for i, picture := range [][]byte{want, got} {
		var err error
		decoded[i], err = standardjpeg.Decode(bytes.NewReader(picture))
		require.NoError(t, err)
	}
	require.Equal(t, decoded[0], decoded[1])
}

// Each form of the tables leaves pictures that decode to the sent ones.
func TestJPEGPicturesAreRebuilt(t *testing.T) {
	picture, data := pictureJPEG(t, 48, 32)
	tables := jpeg.AppendTables(nil, 50)
	head := func(precision byte, tables []byte) []byte {
		return append([]byte{0, precision, byte(len(tables) >> 8), byte(len(tables))}, tables...)
	}
	var wide []byte
	for _, v := range tables[:64] {
		wide = append(wide, 0, v)
	}
	wide = append(wide, tables[64:]...)
	for name, c := range map[string]struct {
		kind, q      byte
		first, later []byte // headers of the tables in the first picture, and in the second
	}{
		"scaled": {1, 50, nil, nil}, "in each picture": {1, 255, head(0, tables), head(0, tables)},
		"in the first picture": {1, 200, head(0, tables), head(0, nil)}, "of 16 bits": {1, 255, head(1, wide), head(1, wide)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			var parts []pictureParts
			for _, h := range [][]byte{c.first, c.later} {
				parts = append(parts,
					pictureParts{payload: payloadJPEG(0, c.kind, c.q, h, data[:40])}, pictureParts{payload: payloadJPEG(40, c.kind, c.q, nil, data[40:90])},
					pictureParts{payload: payloadJPEG(90, c.kind, c.q, nil, data[90:]), end: true})
			}
			b.pictures("jpeg", parts...)
			require.Len(t, b.Publisher.Units, 2)
			for _, u := range b.Publisher.Units {
				require.True(t, u.AU.Sync)
				sameJPEG(t, picture, u.NALs[0])
			}
			require.Empty(t, b.Publisher.Losses)
			require.Len(t, b.Publisher.Sets, 1)
			require.Equal(t, []int{48, 32}, []int{b.Publisher.Sets[0][0].Width, b.Publisher.Sets[0][0].Height})
		})
	}
}

// Restart markers have a header in each payload, and an interval in the picture. A missing marker at the end is added.
func TestJPEGWithRestartMarkers(t *testing.T) {
	_, data := pictureJPEG(t, 48, 32)
	data = bytes.TrimSuffix(data, jpeg.EndOfImage)
	restart := []byte{0, 6, 0xff, 0xff}
	b := newBench(t)
	b.pictures("jpeg", pictureParts{payload: payloadJPEG(0, 65, 50, restart, data[:40])}, pictureParts{payload: payloadJPEG(40, 65, 50, restart, data[40:]), end: true},
		pictureParts{payload: payloadJPEG(0, 0, 50, nil, data), end: true})
	require.Len(t, b.Publisher.Units, 2)
	first, second := b.Publisher.Units[0].NALs[0], b.Publisher.Units[1].NALs[0]
	require.Contains(t, string(first), "\xff\xdd\x00\x04\x00\x06", "restart interval")
	require.NotContains(t, string(second), "\xff\xdd", "restart interval")
	require.True(t, bytes.HasSuffix(first, append(data[40:], jpeg.EndOfImage...)))
	require.Contains(t, string(second), "\x03\x01\x21\x00", "4:2:2")
}

// The session description has the size of pictures of more than 2040 pixels, and the exact size of others.
func TestTheSizeOfJPEGPictures(t *testing.T) {
	for said, want := range map[string][]int{"": {48, 32}, "45,29": {45, 29}, "1,1": {48, 32}, "x": {48, 32}} {
		f := Format{Name: "jpeg"}
		f.SetSize(said)
		c, err := f.Config(Options{})
		require.NoError(t, err)
		j := c.Pictures.(*jpegPayload)
		require.Equal(t, want, []int{rounded(6, j.width), rounded(4, j.height)}, said)
	}
	require.Equal(t, []int{2592, 0}, []int{rounded(0, 2592), rounded(0, 0)})
	other := Format{Name: "h264"}
	other.SetSize("45,29")
	require.Empty(t, other.AppendParameters(nil))
}

// A picture with a lost or a malformed packet is left out and counted. The pictures around it stay.
func TestABrokenJPEGPictureIsLeftOut(t *testing.T) {
	_, data := pictureJPEG(t, 48, 32)
	whole := pictureParts{payload: payloadJPEG(0, 1, 50, nil, data), end: true}
	first := pictureParts{payload: payloadJPEG(0, 1, 50, nil, data[:40])}
	damaged, lost := map[string]uint64{media.DropDamaged: 1}, map[string]uint64{media.DropDamaged: 1, media.DropRTPLoss: 1}
	for name, c := range map[string]struct {
		parts  []pictureParts
		losses map[string]uint64
	}{
		"the middle is lost":    {[]pictureParts{first, {lost: true}, {payload: payloadJPEG(90, 1, 50, nil, data[90:]), end: true}}, lost},
		"the beginning is lost": {[]pictureParts{{lost: true}, {payload: payloadJPEG(40, 1, 50, nil, data[40:]), end: true}}, lost},
		"the end is lost":       {[]pictureParts{first, {lost: true, end: true}}, lost},
		"a hole":                {[]pictureParts{first, {payload: payloadJPEG(41, 1, 50, nil, data[41:]), end: true}}, damaged},
		"two beginnings":        {[]pictureParts{first, {payload: payloadJPEG(0, 1, 50, nil, data), end: true}}, damaged},
		"an unknown type":       {[]pictureParts{{payload: payloadJPEG(0, 2, 50, nil, data), end: true}}, damaged},
		"a cut header":          {[]pictureParts{{payload: whole.payload[:7], end: true}}, damaged},
		"no data":               {[]pictureParts{{payload: whole.payload[:8], end: true}}, damaged},
		"no restart header":     {[]pictureParts{{payload: payloadJPEG(0, 64, 50, nil, data[:3]), end: true}}, damaged},
		"cut tables":            {[]pictureParts{{payload: payloadJPEG(0, 1, 255, []byte{0, 0, 0, 128, 1}, nil), end: true}}, damaged},
		"short tables":          {[]pictureParts{{payload: payloadJPEG(0, 1, 255, []byte{0, 0, 0, 2, 1, 2}, data), end: true}}, damaged},
		"no tables":             {[]pictureParts{{payload: payloadJPEG(0, 1, 255, []byte{0, 0, 0, 0}, data), end: true}}, damaged},
		"tables that are not known": {[]pictureParts{{payload: payloadJPEG(0, 1, 254, []byte{0, 0, 0, 0}, data), end: true}},
			damaged},
		"no size": {[]pictureParts{{payload: append([]byte{0, 0, 0, 0, 1, 50, 0, 4}, data...), end: true}}, damaged},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.pictures("jpeg", append(append([]pictureParts{whole}, c.parts...), whole, whole)...)
			require.Len(t, b.Publisher.Of(codec.MJPEG), 3)
			require.Equal(t, c.losses, b.Publisher.Losses)
			require.Positive(t, b.Publisher.Units[1].AU.Lost)
		})
	}
}

// A session begins within a picture: its rest is no loss.
func TestASessionBeginsWithinAJPEGPicture(t *testing.T) {
	_, data := pictureJPEG(t, 48, 32)
	b := newBench(t)
	b.pictures("jpeg", pictureParts{payload: payloadJPEG(40, 1, 50, nil, data[40:]), end: true}, pictureParts{payload: payloadJPEG(0, 1, 50, nil, data), end: true})
	require.Len(t, b.Publisher.Units, 1)
	require.Empty(t, b.Publisher.Losses)
}

// Another size of the pictures is another description.
func TestAJPEGSenderChangesItsSize(t *testing.T) {
	_, data := pictureJPEG(t, 48, 32)
	picture := func(width byte) pictureParts {
		p := payloadJPEG(0, 1, 50, nil, data)
		p[6] = width
		return pictureParts{payload: p, end: true}
	}
	b := newBench(t)
	b.pictures("jpeg", picture(6), picture(6), picture(7), picture(7))
	require.Len(t, b.Publisher.Sets, 2)
	require.Equal(t, []int{1, 1, 2, 2}, []int{b.Publisher.Units[0].Set, b.Publisher.Units[1].Set, b.Publisher.Units[2].Set, b.Publisher.Units[3].Set})
	require.Equal(t, 56, b.Publisher.Sets[1][0].Width)
}

// A picture allocates nothing, though each one describes the track.
func TestAJPEGPictureAllocatesNothing(t *testing.T) {
	b := newBenchFor(t, ingesttest.Discard{})
	f := Format{Name: "jpeg", Clock: VideoClockHz}
	c, err := f.Config(Options{})
	require.NoError(t, err)
	track, err := Add(b.Feed, c)
	require.NoError(t, err)
	p := &rtp.Packet{Header: rtp.Header{Marker: true}, Payload: payloadJPEG(0, 1, 50, nil, bytes.Repeat([]byte{1}, 1000))}
	picture := func() {
		_ = track.Packet(p, b.Now)
		p.SequenceNumber++
		p.Timestamp += ticksOf
		b.Now = b.Now.Add(time.Second / 25)
	}
	for range 500 {
		picture()
	}
	require.Zero(t, testing.AllocsPerRun(500, picture))
	track.Close()
	b.Feed.Close()
}

func FuzzJPEGPackets(f *testing.F) {
	_, data := pictureJPEG(f, 48, 32)
	f.Add(payloadJPEG(0, 1, 50, nil, data[:40]), payloadJPEG(40, 1, 50, nil, data[40:]))
	f.Add(payloadJPEG(0, 65, 255, []byte{0, 1, 0, 0, 0, 1, 0, 64}, make([]byte, 90)), payloadJPEG(26, 65, 255, []byte{0, 1, 0, 0}, data))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		b := newBench(t)
		b.pictures("jpeg", pictureParts{payload: first}, pictureParts{payload: second, end: true}, pictureParts{payload: payloadJPEG(0, 1, 50, nil, data), end: true})
		require.NotEmpty(t, b.Publisher.Units)
		for _, u := range b.Publisher.Units {
			_, _, err := jpeg.Size(u.NALs[0])
			require.NoError(t, err)
		}
	})
}
