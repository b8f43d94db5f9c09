package isobmff_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

// Every box that is encoded by hand has the bytes that go-mp4 gives it, whatever its fields hold.
func TestBoxesByHandHaveTheBytesOfGoMP4(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, box := range []gomp4.IBox{
		&gomp4.Mvhd{}, &gomp4.Tkhd{}, &gomp4.Mdhd{}, &gomp4.Hdlr{}, &gomp4.Vmhd{}, &gomp4.Smhd{}, &gomp4.Dref{}, &gomp4.Url{}, &gomp4.Trex{},
	} {
		for n := range 100 {
			fill(random, reflect.ValueOf(box).Elem())
			box.SetVersion(uint8(n % 2))
			var want, got isobmff.Writer
			want.Marshal(box)
			require.NoError(t, want.Err())
			require.True(t, got.ByHand(box), "%s", box.GetType())
			require.Equal(t, want.B, got.B, "%+v", box)
		}
	}
}

// fill sets the fields of a box at random, except those that have to be 0: reserved and predefined ones. Fields of
// less than 8 bits keep to their width.
func fill(random *rand.Rand, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch {
		case name == "Reserved" || name == "Reserved0" || name == "Reserved1" || name == "Reserved2" || name == "Pad":
		case name == "PreDefined" && v.Type() != reflect.TypeFor[gomp4.Hdlr]():
		case name == "Language":
			f.Set(reflect.ValueOf([3]byte{byte(random.IntN(32)), byte(random.IntN(32)), byte(random.IntN(32))}))
		case f.Kind() == reflect.Struct:
			fill(random, f)
		case f.Kind() == reflect.Array:
			for k := range f.Len() {
				set(random, f.Index(k))
			}
		default:
			set(random, f)
		}
	}
}

func set(random *rand.Rand, f reflect.Value) {
	switch {
	case f.CanInt():
		f.SetInt(int64(random.Uint64()) >> (64 - f.Type().Bits()))
	case f.CanUint():
		f.SetUint(random.Uint64() >> (64 - f.Type().Bits()))
	case f.Kind() == reflect.String:
		f.SetString("Handler"[:random.IntN(8)])
	}
}

func TestTheDecoderConfigurationsHaveTheBytesOfGoMP4(t *testing.T) {
	sets := [][]byte{{0x67, 1}, {0x67, 2, 3}, {0x68}, {0x68, 4}}
	parameterSets := func(nals ...[]byte) (out []gomp4.AVCParameterSet) {
		for _, nal := range nals {
			out = append(out, gomp4.AVCParameterSet{Length: uint16(len(nal)), NALUnit: nal})
		}
		return out
	}
	for _, high := range []bool{false, true} {
		box := &gomp4.AVCDecoderConfiguration{
			AnyTypeBox: gomp4.AnyTypeBox{Type: gomp4.BoxTypeAvcC()}, ConfigurationVersion: 1,
			Profile: 77, ProfileCompatibility: 0x40, Level: 31, Reserved: 63, LengthSizeMinusOne: 3, Reserved2: 7,
			NumOfSequenceParameterSets: 2, SequenceParameterSets: parameterSets(sets[:2]...),
			NumOfPictureParameterSets: 2, PictureParameterSets: parameterSets(sets[2:]...),
		}
		c := isobmff.AVCConfig{LengthSize: 4, Profile: 77, Compat: 0x40, Level: 31, SequenceSets: sets[:2], PictureSets: sets[2:]}
		if high {
			box.Profile, box.HighProfileFieldsEnabled = 100, true
			box.Reserved3, box.Reserved4, box.Reserved5 = 63, 31, 31
			box.ChromaFormat, box.BitDepthLumaMinus8, box.BitDepthChromaMinus8 = 2, 1, 2
			c.Profile, c.High, c.ChromaFormat, c.LumaMinus8, c.ChromaMinus8 = 100, true, 2, 1, 2
		}
		var want, got isobmff.Writer
		want.Marshal(box)
		require.NoError(t, want.Err())
		got.AVCConfig(&c)
		require.Equal(t, want.B, got.B)
	}
	for n, stream := range map[int]uint8{2: isobmff.AudioStream, 5: isobmff.VisualStream, 200: isobmff.VisualStream, 300: isobmff.AudioStream} {
		specific := make([]byte, n)
		size := uint32(n)
		var want, got isobmff.Writer
		want.Marshal(&gomp4.Esds{Descriptors: []gomp4.Descriptor{
			{Tag: gomp4.ESDescrTag, Size: 3 + 5 + 13 + 5 + size + 5 + 1, ESDescriptor: &gomp4.ESDescriptor{}},
			{Tag: gomp4.DecoderConfigDescrTag, Size: 13 + 5 + size, DecoderConfigDescriptor: &gomp4.DecoderConfigDescriptor{
				ObjectTypeIndication: isobmff.MPEG4Audio, StreamType: int8(stream), Reserved: true,
			}},
			{Tag: gomp4.DecSpecificInfoTag, Size: size, Data: specific},
			{Tag: gomp4.SLConfigDescrTag, Size: 1, Data: []byte{2}},
		}})
		require.NoError(t, want.Err())
		got.Esds(stream, isobmff.MPEG4Audio, specific)
		require.Equal(t, want.B, got.B)
	}
}

func TestTheHeadersOfAMovieAllocateNothing(t *testing.T) {
	w := isobmff.Writer{B: make([]byte, 0, 4<<10)}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		w.B = w.B[:0]
		w.Mvhd(&isobmff.MovieHeader{Timescale: 1, NextTrackID: 3})
		w.Tkhd(&isobmff.TrackHeader{ID: 1})
		w.Mdhd(&isobmff.MediaHeader{Timescale: 1, Language: "und"})
		w.Hdlr("vide", "VideoHandler")
		w.Vmhd()
		w.Smhd()
		w.Dinf()
		w.Trex(&isobmff.Trex{TrackID: 1})
		w.Close(w.OpenVisualEntry("avc1", 16, 16))
		w.Close(w.OpenAudioEntry("mp4a", 2, 16, 48000))
		w.Esds(isobmff.AudioStream, isobmff.MPEG4Audio, w.B[:2])
		w.Free(20)
	}))
}
