//! What a template's text is cut into.

/// What a token is. The names are those of Velocity's grammar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// The end of the text.
    End,
    /// `[` after a reference.
    IndexOpen,
    /// `]` after an index.
    IndexClose,
    /// `[` of a list.
    ListOpen,
    /// `]` of a list.
    ListClose,
    Comma,
    /// `..` of a range.
    DoubleDot,
    Colon,
    /// `{` of a map.
    MapOpen,
    /// `}` of a map.
    MapClose,
    /// `(`.
    ParenthesisOpen,
    /// `)`, with the rest of its line when that is blank.
    ParenthesisClose,
    /// `)` of a method.
    MethodClose,
    /// `\#if`, `\\\#name`.
    EscapedDirective,
    /// `#set(`, with the blanks before it.
    Set,
    /// `##`.
    LineComment,
    /// `\\` in text.
    DoubleEscape,
    /// `\` in text.
    Escape,
    Text,
    /// The end of a line comment.
    LineCommentEnd,
    /// The end of a `#** … *#`.
    FormalCommentEnd,
    /// The end of a `#* … *#`.
    CommentEnd,
    /// `#[[ … ]]#`.
    Unparsed,
    Blank,
    String,
    True,
    False,
    Minus,
    Plus,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Not,
    Assign,
    /// `#end`.
    EndDirective,
    If,
    ElseIf,
    Else,
    Integer,
    Float,
    /// `#name`, or a name among a directive's arguments.
    Word,
    /// `#{name}`.
    BracketedWord,
    /// A name after `$` or a dot.
    Identifier,
    /// A dot before a name.
    Dot,
    /// `${`.
    CurlyOpen,
    /// `}` of `${…}`.
    CurlyClose,
    /// `$[`, `$![`, `$.`.
    EmptyIndex,
}

impl Kind {
    /// What a person calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::End => "the end of the template",
            Self::Blank => "blanks",
            Self::Text | Self::Escape | Self::DoubleEscape | Self::EmptyIndex => "text",
            Self::ParenthesisClose | Self::MethodClose => "`)`",
            Self::ParenthesisOpen => "`(`",
            Self::IndexClose | Self::ListClose => "`]`",
            Self::CurlyClose | Self::MapClose => "`}`",
            Self::Assign => "`=`",
            Self::Colon => "`:`",
            Self::EndDirective => "`#end`",
            Self::Else => "`#else`",
            Self::ElseIf => "`#elseif`",
            Self::Identifier => "a name",
            Self::Integer | Self::Float => "a number",
            Self::String => "a string",
            _ => "this",
        }
    }
}

/// One token: which part of the text it is.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Where it starts, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// What stands before it although it turned out to be neither a reference nor a directive: a
    /// lone `$` or `#`. Empty for nearly all tokens.
    pub(crate) stray: Box<str>,
    /// What stands there in the place of the token's own text: for an escaped directive.
    pub(crate) image: Option<Box<str>>,
}
