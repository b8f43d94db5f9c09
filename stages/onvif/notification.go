// Package onvif reads the events in ONVIF metadata: the XML documents that a camera sends beside its pictures (ONVIF
// Streaming Specification, 5.1.2).
package onvif

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxDocumentBytes is the greatest size of a document.
const MaxDocumentBytes = 1 << 20

// ErrTooLong is the error for a document that exceeds MaxDocumentBytes.
var ErrTooLong = errors.New("the document is longer than 1 MiB")

// Notification is one event of a camera (ONVIF Core Specification, 9.5).
type Notification struct {
	Topic     string // such as tns1:RuleEngine/CellMotionDetector/Motion
	Operation string // Initialized, Changed or Deleted; empty for an event without a state
	Source    []Item // where it happened, such as the token of the video source and the rule
	Data      []Item // what happened, such as IsMotion=true
}

// Item is a name with a value.
type Item struct {
	Name  string `xml:"Name,attr"`
	Value string `xml:"Value,attr"`
}

// Key returns a text that identifies the topic and the source of n.
func (n *Notification) Key() string {
	var b strings.Builder
	b.WriteString(n.Topic)
	for _, i := range n.Source {
		fmt.Fprintf(&b, "\n%s=%s", i.Name, i.Value)
	}
	return b.String()
}

// State returns the first item of Data whose name is in names, as a truth value. ok is false if Data has no such item, or
// its value is neither true nor false.
func (n *Notification) State(names []string) (on, ok bool) {
	for _, i := range n.Data {
		if slices.Contains(names, i.Name) {
			switch strings.ToLower(strings.TrimSpace(i.Value)) {
			case "true", "1":
				return true, true
			case "false", "0":
				return false, true
			}
		}
	}
	return false, false
}

// element is a NotificationMessage. Prefixes of namespaces differ from camera to camera, so only the names count.
type element struct {
	Topic   string `xml:"Topic"`
	Message struct {
		Message struct {
			Operation string `xml:"PropertyOperation,attr"`
			Source    struct {
				Items []Item `xml:"SimpleItem"`
			} `xml:"Source"`
			Data struct {
				Items []Item `xml:"SimpleItem"`
			} `xml:"Data"`
		} `xml:"Message"`
	} `xml:"Message"`
}

// Read returns the notifications of a document, in order. Other metadata, such as the places of objects, is skipped. It
// returns the notifications before an error.
func Read(document []byte) (all []Notification, err error) {
	const name = "NotificationMessage"
	switch {
	case len(document) > MaxDocumentBytes:
		return nil, ErrTooLong
	case !bytes.Contains(document, []byte(name)): // nearly every document
		return nil, nil
	}
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, fmt.Errorf("ONVIF metadata: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != name {
			continue
		}
		var e element
		if err := d.DecodeElement(&e, &start); err != nil {
			return all, fmt.Errorf("ONVIF metadata: %w", err)
		}
		m := &e.Message.Message
		all = append(all, Notification{strings.TrimSpace(e.Topic), m.Operation, m.Source.Items, m.Data.Items})
	}
}
