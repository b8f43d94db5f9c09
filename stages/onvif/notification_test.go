package onvif

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// motion is the document of the ONVIF Streaming Specification with a state of cell motion detection.
func motion(operation, name, value string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">
 <tt:Event><wsnt:NotificationMessage>
  <wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"> tns1:RuleEngine/CellMotionDetector/Motion </wsnt:Topic>
  <wsnt:ProducerReference><a:Address xmlns:a="http://www.w3.org/2005/08/addressing">uri://door</a:Address></wsnt:ProducerReference>
  <wsnt:Message><tt:Message UtcTime="2026-11-28T12:00:00Z" PropertyOperation="%s">
   <tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="1"/><tt:SimpleItem Name="Rule" Value="A &amp; B"/></tt:Source>
   <tt:Data><tt:SimpleItem Name="%s" Value="%s"/></tt:Data>
  </tt:Message></wsnt:Message>
 </wsnt:NotificationMessage></tt:Event>
</tt:MetadataStream>`, operation, name, value)
}

func TestAStateIsRead(t *testing.T) {
	for value, want := range map[string][2]bool{"true": {true, true}, "1": {true, true}, "False": {false, true}, "0": {false, true}, "7": {}, "": {}} {
		all, err := Read(motion("Changed", "IsMotion", value))
		require.NoError(t, err)
		require.Equal(t, []Notification{{
			Topic: "tns1:RuleEngine/CellMotionDetector/Motion", Operation: "Changed",
			Source: []Item{{"VideoSourceConfigurationToken", "1"}, {"Rule", "A & B"}}, Data: []Item{{"IsMotion", value}},
		}}, all)
		require.Equal(t, "tns1:RuleEngine/CellMotionDetector/Motion\nVideoSourceConfigurationToken=1\nRule=A & B", all[0].Key())
		on, ok := all[0].State([]string{"State", "IsMotion"})
		require.Equal(t, want, [2]bool{on, ok}, value)
		_, ok = all[0].State([]string{"State"})
		require.False(t, ok)
	}
}

func TestADocumentOfSeveralNotifications(t *testing.T) {
	one := motion("Initialized", "State", "true")
	body := one[bytes.Index(one, []byte("<wsnt:NotificationMessage>")):bytes.LastIndex(one, []byte("</tt:Event>"))]
	all, err := Read(bytes.Replace(one, body, bytes.Repeat(body, 3), 1))
	require.NoError(t, err)
	require.Len(t, all, 3)
}

func TestDocumentsWithoutNotifications(t *testing.T) {
	for _, document := range []string{"", "<tt:MetadataStream><tt:VideoAnalytics><tt:Frame/></tt:VideoAnalytics></tt:MetadataStream>", "no XML"} {
		all, err := Read([]byte(document))
		require.NoError(t, err)
		require.Empty(t, all)
	}
}

// A document that is no XML, or that defines entities, is an error.
func TestDocumentsThatAreRefused(t *testing.T) {
	whole := motion("Changed", "IsMotion", "true")
	_, err := Read(whole[:len(whole)-40])
	require.ErrorContains(t, err, "ONVIF metadata: ")
	_, err = Read([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><a><NotificationMessage><Topic>&b;</Topic></NotificationMessage></a>`))
	require.ErrorContains(t, err, "invalid character entity")
	_, err = Read(append(whole, bytes.Repeat([]byte{' '}, MaxDocumentBytes)...))
	require.ErrorIs(t, err, ErrTooLong)
	all, err := Read(append(whole, "<"...))
	require.Error(t, err)
	require.Len(t, all, 1, "the notification before the damage")
}

// FuzzRead: no document breaks the reader.
func FuzzRead(f *testing.F) {
	f.Add(motion("Changed", "IsMotion", "true"))
	f.Add([]byte("<NotificationMessage>"))
	f.Fuzz(func(t *testing.T, document []byte) {
		all, _ := Read(document)
		require.LessOrEqual(t, len(all), len(document))
		for _, n := range all {
			require.Contains(t, n.Key(), n.Topic)
			n.State([]string{"IsMotion"})
		}
	})
}
