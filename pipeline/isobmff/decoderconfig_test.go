package isobmff_test

import (
	"bytes"
	"testing"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

func TestAnAVCConfigIsReadAsItWasWritten(t *testing.T) {
	for name, c := range map[string]isobmff.AVCConfig{
		"Main": {LengthSize: 4, Profile: 77, Compat: 0x40, Level: 30, SequenceSets: [][]byte{{0x67, 1}}, PictureSets: [][]byte{{0x68, 1}, {0x68, 2, 3}}},
		"High": {LengthSize: 2, Profile: 100, Level: 40, High: true, ChromaFormat: 1, LumaMinus8: 2, ChromaMinus8: 2,
			SequenceSets: [][]byte{{0x67, 1}, {0x67, 2}}, PictureSets: [][]byte{{0x68}}},
	} {
		var w isobmff.Writer
		w.AVCConfig(&c)
		require.NoError(t, w.Err())
		b := isobmff.Find(w.B, "avcC")
		got, ok := isobmff.ReadAVCConfig(b)
		require.True(t, ok, name)
		want := c
		want.High, want.ChromaFormat, want.LumaMinus8, want.ChromaMinus8 = false, 0, 0, 0 // not read: the parameter sets say the same
		require.Equal(t, want, got, name)
		end := len(b)
		if c.High {
			require.Equal(t, []byte{0xfc | 1, 0xf8 | 2, 0xf8 | 2, 0}, b[end-4:])
			end -= 4
		}
		for n := range end {
			_, ok := isobmff.ReadAVCConfig(b[:n])
			require.False(t, ok, "%s, cut at %d", name, n)
		}
	}
}

func TestAnHEVCConfigIsAsAnotherReaderReadsIt(t *testing.T) {
	c := isobmff.HEVCConfig{
		LengthSize: 4, ProfileTierLevel: [12]byte{0x21, 0x60, 0, 0, 0, 0x90, 1, 2, 3, 4, 5, 93},
		ChromaFormat: 1, LumaMinus8: 2, ChromaMinus8: 3, Layers: 3, Nested: true,
		Arrays: []isobmff.HEVCArray{{Type: 32, NALs: [][]byte{{64, 1}}}, {Type: 33, NALs: [][]byte{{66, 1, 2}, {66, 1, 3}}}, {Type: 34, NALs: [][]byte{{68}}}},
	}
	var w isobmff.Writer
	w.HEVCConfig(&c)
	b := isobmff.Find(w.B, "hvcC")
	got, ok := isobmff.ReadHEVCConfig(b)
	require.True(t, ok)
	require.Equal(t, c, got)
	for n := range b {
		_, ok := isobmff.ReadHEVCConfig(b[:n])
		require.False(t, ok, "cut at %d", n)
	}

	var box gomp4.HvcC
	_, err := gomp4.Unmarshal(bytes.NewReader(b), uint64(len(b)), &box, gomp4.Context{})
	require.NoError(t, err)
	require.EqualValues(t, []any{uint8(0), true, uint8(1), uint8(93)}, []any{box.GeneralProfileSpace, box.GeneralTierFlag, box.GeneralProfileIdc, box.GeneralLevelIdc})
	require.Equal(t, [6]byte{0x90, 1, 2, 3, 4, 5}, box.GeneralConstraintIndicator)
	require.Equal(t, [32]bool{1: true, 2: true}, box.GeneralProfileCompatibility)
	require.Equal(t, []uint8{1, 2, 3, 3, 1, 3, 3}, []uint8{
		box.ChromaFormatIdc, box.BitDepthLumaMinus8, box.BitDepthChromaMinus8, box.NumTemporalLayers, box.TemporalIdNested, box.LengthSizeMinusOne, box.NumOfNaluArrays,
	})
	require.True(t, box.NaluArrays[1].Completeness)
	require.Equal(t, []byte{66, 1, 3}, box.NaluArrays[1].Nalus[1].NALUnit)
	var again bytes.Buffer
	box.Reserved1, box.Reserved2, box.Reserved3, box.Reserved4, box.Reserved5 = 15, 63, 63, 31, 31
	_, err = gomp4.Marshal(&again, &box, gomp4.Context{})
	require.NoError(t, err)
	require.Equal(t, b, again.Bytes(), "reserved bits and all")
}

func TestAnHEVCConfigWithTooManyNALUnitsIsRefused(t *testing.T) {
	for count, ok := range map[int]bool{64: true, 65: false} {
		c := isobmff.HEVCConfig{LengthSize: 4, Arrays: []isobmff.HEVCArray{{Type: 33, NALs: [][]byte{{66}}}, {Type: 34}}}
		for range count - 1 {
			c.Arrays[1].NALs = append(c.Arrays[1].NALs, []byte{68})
		}
		var w isobmff.Writer
		w.HEVCConfig(&c)
		_, read := isobmff.ReadHEVCConfig(isobmff.Find(w.B, "hvcC"))
		require.Equal(t, ok, read, count)
	}
	empty := isobmff.HEVCConfig{LengthSize: 4, Arrays: []isobmff.HEVCArray{{Type: 34, NALs: [][]byte{{}}}}}
	var w isobmff.Writer
	w.HEVCConfig(&empty)
	_, ok := isobmff.ReadHEVCConfig(isobmff.Find(w.B, "hvcC"))
	require.False(t, ok)
}

func TestAnEsdsIsReadAsItWasWritten(t *testing.T) {
	for _, asc := range [][]byte{{0x11, 0x90}, bytes.Repeat([]byte{7}, 100), nil} {
		var w isobmff.Writer
		w.Esds(isobmff.AudioStream, isobmff.MPEG4Audio, asc)
		require.NoError(t, w.Err())
		b := isobmff.Find(w.B, "esds")
		object, got, ok := isobmff.ReadEsds(b)
		require.True(t, ok)
		require.EqualValues(t, isobmff.MPEG4Audio, object)
		require.Equal(t, asc, got)
		for n := range b {
			_, _, ok := isobmff.ReadEsds(b[:n])
			require.False(t, ok, "cut at %d", n)
		}
	}
}

func TestSampleEntriesAreReadAsTheyWereWritten(t *testing.T) {
	var w isobmff.Writer
	at := w.OpenVisualEntry("vide", 1920, 1080)
	w.PixelAspect(isobmff.SquarePixels)
	w.PixelAspect(isobmff.PixelAspect{H: 4, V: 3})
	w.Close(at)
	v, ok := isobmff.ReadVisualEntry(isobmff.Find(w.B, "vide"))
	require.True(t, ok)
	require.Equal(t, []int{1920, 1080}, []int{v.Width, v.Height})
	require.Equal(t, "\x00\x00\x00\x10pasp\x00\x00\x00\x04\x00\x00\x00\x03", string(v.Boxes))
	_, ok = isobmff.ReadVisualEntry(make([]byte, 77))
	require.False(t, ok)

	w = isobmff.Writer{}
	for _, rate := range []int{48000, 96000} {
		at = w.OpenAudioEntry("soun", 2, 16, rate)
		w.Box("conf", []byte{1})
		w.Close(at)
	}
	entries := isobmff.Walk(w.B)
	for _, rate := range []int{48000, 0} {
		require.True(t, entries.Next())
		a, ok := isobmff.ReadAudioEntry(entries.Payload)
		require.True(t, ok)
		require.Equal(t, []int{2, rate}, []int{a.Channels, a.Rate}, "a rate beyond 16 bits is written as 0")
		require.Equal(t, []byte{1}, isobmff.Find(a.Boxes, "conf"))
	}
	quicktime := append(make([]byte, 28+16), "\x00\x00\x00\x09conf\x01"...)
	quicktime[9] = 1
	a, ok := isobmff.ReadAudioEntry(quicktime)
	require.True(t, ok)
	require.Equal(t, []byte{1}, isobmff.Find(a.Boxes, "conf"))
}

// Another reader finds the fields of a sample entry at the same places.
func TestASampleEntryIsAsAnotherReaderReadsIt(t *testing.T) {
	var w isobmff.Writer
	w.Close(w.OpenVisualEntry("avc1", 1920, 1080))
	w.Close(w.OpenAudioEntry("mp4a", 2, 16, 48000))
	var visual gomp4.VisualSampleEntry
	visual.SetType(gomp4.BoxTypeAvc1())
	b := isobmff.Find(w.B, "avc1")
	_, err := gomp4.Unmarshal(bytes.NewReader(b), uint64(len(b)), &visual, gomp4.Context{})
	require.NoError(t, err)
	require.Equal(t, []uint16{1, 1920, 1080, 1, 0x18}, []uint16{visual.DataReferenceIndex, visual.Width, visual.Height, visual.FrameCount, visual.Depth})
	require.Equal(t, []uint32{72 << 16, 72 << 16}, []uint32{visual.Horizresolution, visual.Vertresolution})
	require.EqualValues(t, -1, visual.PreDefined3)
	var audio gomp4.AudioSampleEntry
	audio.SetType(gomp4.BoxTypeMp4a())
	b = isobmff.Find(w.B, "mp4a")
	_, err = gomp4.Unmarshal(bytes.NewReader(b), uint64(len(b)), &audio, gomp4.Context{})
	require.NoError(t, err)
	require.Equal(t, []uint16{1, 2, 16}, []uint16{audio.DataReferenceIndex, audio.ChannelCount, audio.SampleSize})
	require.Equal(t, uint32(48000<<16), audio.SampleRate)
}
