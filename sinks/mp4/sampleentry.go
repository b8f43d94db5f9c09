package mp4

import (
	"fmt"

	gomp4 "github.com/abema/go-mp4"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// aspect is the shape of a pixel, h wide and v high.
type aspect struct{ h, v uint32 }

var square = aspect{1, 1}

// writeSampleEntry appends the stsd of a track. A codec that is new to
// media.Codec gets its case here.
func writeSampleEntry(w *boxes, t *media.Track) (sar aspect, err error) {
	sar = square
	stsd := w.full("stsd", 0, 0)
	w.u32(1)
	switch t.Codec {
	case codec.H264:
		sar, err = writeAVC(w, t)
	case codec.H265:
		sar, err = writeHEVC(w, t)
	case codec.AAC:
		writeAAC(w, t)
	default:
		err = fmt.Errorf("an MP4 file of ours cannot hold %s", t.Codec)
	}
	w.close(stsd)
	return sar, err
}

// writeVisual appends a visual sample entry around a configuration box.
func writeVisual(w *boxes, fourcc string, t *media.Track, sar aspect, config gomp4.IImmutableBox) {
	entry := w.begin(&gomp4.VisualSampleEntry{
		SampleEntry: gomp4.SampleEntry{
			AnyTypeBox:         gomp4.AnyTypeBox{Type: gomp4.StrToBoxType(fourcc)},
			DataReferenceIndex: 1,
		},
		Width: uint16(t.Width), Height: uint16(t.Height),
		Horizresolution: 72 << 16, Vertresolution: 72 << 16,
		FrameCount: 1, Depth: 0x0018, PreDefined3: -1,
	})
	w.add(config)
	if sar != square {
		at := w.open("pasp")
		w.u32(sar.h)
		w.u32(sar.v)
		w.close(at)
	}
	w.close(entry)
}

// writeAVC: ISO/IEC 14496-15, 5.3.3.1. Parameter sets are in the sample entry
// only (avc1): Safari and QuickTime refuse avc3.
func writeAVC(w *boxes, t *media.Track) (aspect, error) {
	var sps h264.SPS
	var spss, ppss []gomp4.AVCParameterSet
	for _, nal := range t.ParameterSets {
		if len(nal) < 4 || len(nal) > 0xffff {
			return square, fmt.Errorf("parameter set of %d bytes", len(nal))
		}
		set := gomp4.AVCParameterSet{Length: uint16(len(nal)), NALUnit: nal}
		switch h264.NALUType(nal[0] & 0x1f) {
		case h264.NALUTypeSPS:
			spss = append(spss, set)
		case h264.NALUTypePPS:
			ppss = append(ppss, set)
		}
	}
	if len(spss) == 0 || len(ppss) == 0 || len(spss) > 31 || len(ppss) > 255 {
		return square, fmt.Errorf("%d SPS and %d PPS", len(spss), len(ppss))
	}
	first := spss[0].NALUnit
	if err := sps.Unmarshal(first); err != nil {
		return square, fmt.Errorf("SPS: %w", err)
	}
	config := &gomp4.AVCDecoderConfiguration{
		AnyTypeBox:           gomp4.AnyTypeBox{Type: gomp4.BoxTypeAvcC()},
		ConfigurationVersion: 1,
		Profile:              first[1], ProfileCompatibility: first[2], Level: first[3],
		Reserved: 63, LengthSizeMinusOne: 3, Reserved2: 7, // reserved bits are ones, and go-mp4 does not set them
		NumOfSequenceParameterSets: uint8(len(spss)), SequenceParameterSets: spss,
		NumOfPictureParameterSets: uint8(len(ppss)), PictureParameterSets: ppss,
	}
	switch first[1] { // those that carry the chroma format here
	case 100, 110, 122, 144:
		config.HighProfileFieldsEnabled = true
		config.Reserved3, config.Reserved4, config.Reserved5 = 63, 31, 31
		config.ChromaFormat = uint8(sps.ChromaFormatIdc)
		config.BitDepthLumaMinus8 = uint8(sps.BitDepthLumaMinus8)
		config.BitDepthChromaMinus8 = uint8(sps.BitDepthChromaMinus8)
	}
	sar := square
	if v := sps.VUI; v != nil && v.AspectRatioInfoPresentFlag {
		sar = sampleAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
	}
	writeVisual(w, "avc1", t, sar, config)
	return sar, nil
}

// writeHEVC: ISO/IEC 14496-15, 8.3.3.1. hvc1 for the same reason as avc1.
func writeHEVC(w *boxes, t *media.Track) (aspect, error) {
	var sps h265.SPS
	arrays := []gomp4.HEVCNaluArray{
		{Completeness: true, NaluType: uint8(h265.NALUType_VPS_NUT)},
		{Completeness: true, NaluType: uint8(h265.NALUType_SPS_NUT)},
		{Completeness: true, NaluType: uint8(h265.NALUType_PPS_NUT)},
	}
	var general []byte // profile_tier_level, without emulation prevention
	for _, nal := range t.ParameterSets {
		if len(nal) < 4 || len(nal) > 0xffff {
			return square, fmt.Errorf("parameter set of %d bytes", len(nal))
		}
		kind := nal[0] >> 1 & 0x3f
		for i := range arrays {
			if arrays[i].NaluType == kind {
				arrays[i].Nalus = append(arrays[i].Nalus, gomp4.HEVCNalu{Length: uint16(len(nal)), NALUnit: nal})
				arrays[i].NumNalus++
			}
		}
		if kind == uint8(h265.NALUType_SPS_NUT) && general == nil {
			if err := sps.Unmarshal(nal); err != nil {
				return square, fmt.Errorf("SPS: %w", err)
			}
			general = h264.EmulationPreventionRemove(nal)
		}
	}
	for i, name := range [...]string{"VPS", "SPS", "PPS"} {
		if arrays[i].NumNalus == 0 {
			return square, fmt.Errorf("no %s", name)
		}
	}
	if len(general) < 15 {
		return square, fmt.Errorf("SPS of %d bytes", len(general))
	}
	ptl := &sps.ProfileTierLevel
	config := &gomp4.HvcC{
		ConfigurationVersion: 1,
		GeneralProfileSpace:  ptl.GeneralProfileSpace, GeneralTierFlag: ptl.GeneralTierFlag != 0,
		GeneralProfileIdc: ptl.GeneralProfileIdc, GeneralProfileCompatibility: ptl.GeneralProfileCompatibilityFlag,
		GeneralConstraintIndicator: [6]byte(general[8:14]), GeneralLevelIdc: ptl.GeneralLevelIdc,
		Reserved1: 15, Reserved2: 63, Reserved3: 63, Reserved4: 31, Reserved5: 31,
		ChromaFormatIdc:    uint8(sps.ChromaFormatIdc),
		BitDepthLumaMinus8: uint8(sps.BitDepthLumaMinus8), BitDepthChromaMinus8: uint8(sps.BitDepthChromaMinus8),
		NumTemporalLayers: sps.MaxSubLayersMinus1 + 1, LengthSizeMinusOne: 3,
		NumOfNaluArrays: uint8(len(arrays)), NaluArrays: arrays,
	}
	if sps.TemporalIDNestingFlag {
		config.TemporalIdNested = 1
	}
	sar := square
	if v := sps.VUI; v != nil && v.AspectRatioInfoPresentFlag {
		sar = sampleAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
	}
	writeVisual(w, "hvc1", t, sar, config)
	return sar, nil
}

// writeAAC: ISO/IEC 14496-14, 5.6.1, with the AudioSpecificConfig as it came. A
// rate that 16 bits cannot hold is 0, as ffmpeg writes it: players read the
// AudioSpecificConfig, and would take another number for the rate.
func writeAAC(w *boxes, t *media.Track) {
	rate := uint32(t.SampleRate)
	if rate > 0xffff {
		rate = 0
	}
	entry := w.begin(&gomp4.AudioSampleEntry{
		SampleEntry: gomp4.SampleEntry{
			AnyTypeBox:         gomp4.AnyTypeBox{Type: gomp4.StrToBoxType("mp4a")},
			DataReferenceIndex: 1,
		},
		ChannelCount: uint16(t.Channels), SampleSize: 16,
		SampleRate: rate << 16,
	})
	asc := t.ParameterSets[0]
	const config, stream = 13, 3 // bytes of the descriptors' own fields
	n := uint32(len(asc))
	w.add(&gomp4.Esds{Descriptors: []gomp4.Descriptor{
		{
			Tag: gomp4.ESDescrTag, Size: stream + 5 + config + 5 + n + 5 + 1,
			ESDescriptor: &gomp4.ESDescriptor{},
		},
		{
			Tag: gomp4.DecoderConfigDescrTag, Size: config + 5 + n,
			DecoderConfigDescriptor: &gomp4.DecoderConfigDescriptor{
				ObjectTypeIndication: 0x40, StreamType: 0x05, Reserved: true,
			},
		},
		{Tag: gomp4.DecSpecificInfoTag, Size: n, Data: asc},
		{Tag: gomp4.SLConfigDescrTag, Size: 1, Data: []byte{2}},
	}})
	w.close(entry)
}

// sampleAspect: Rec. ITU-T H.264, table E-1, and H.265, the same.
func sampleAspect(idc uint8, h, v uint16) aspect {
	table := [...]aspect{
		{1, 1}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
		{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
	}
	switch {
	case idc == 255 && h > 0 && v > 0:
		return aspect{uint32(h), uint32(v)}
	case int(idc) < len(table):
		return table[idc]
	}
	return square
}
