// Package model has the rows as queries.sql gives them, column by column.
package model

type Counterparty struct {
	Code           *string
	Name           *string
	Kind           *string
	Industry       *string
	Status         *string
	RegisterID     *string
	RegistrationNo *string
	Division       *string
}

type CaseRecord struct {
	CaseNo              *string
	Title               *string
	ActType             *string
	Status              *string
	SubjectCode         *string
	Division            *string
	FiledOn             *string
	DecidedOn           *string
	CounterpartyName    *string
	CounterpartyKind    *string
	Fine                *string
	DocumentNo          *string
	MatterCode          *string
	OfficerCertificates []string
	Of                  *string
}

type Listing struct {
	Kind     *string
	ListedOn *string
	Reason   *string
	Of       *string
}

type Subject struct {
	Name *string
	Of   *string
}

type Officer struct {
	Name     *string
	UnitName *string
	Of       *string
}

type CaseGroup struct {
	SubjectCode *string
	Month       *string
	Count       *int32
}
