//! The values of CloudFormation's intrinsic functions, as far as a template alone tells them.
//!
//! A function whose value nothing tells stays where it is, so that `attache check` reports it at its
//! line; what is missing is kept for the table. Names of resources that a template leaves to
//! CloudFormation are made of their logical ids.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diagnostic::Report;
use crate::document::Document;
use crate::tree::Tree;

/// How deep functions may lead into each other: parameters, conditions, names of resources.
const MOST_STEPS: usize = 32;

const NO_VALUE: &str = "AWS::NoValue";

/// What a template tells, and what the user told beside it.
#[derive(Debug)]
pub(crate) struct Resolver<'t> {
    template: &'t Tree,
    given: &'t BTreeMap<String, String>,
    /// Where the files are that the template includes.
    folder: PathBuf,
    steps: usize,
    /// What is not told, by the name that `--parameter` takes.
    pub(crate) missing: BTreeSet<String>,
    /// What was made of a logical id, by that name.
    pub(crate) made_up: BTreeMap<String, String>,
    /// The pseudo parameters that were asked for and not given.
    pub(crate) assumed: BTreeSet<&'static str>,
    /// What an API is called in `attache.yaml`, by its logical id.
    pub(crate) apis: BTreeMap<String, String>,
}

impl<'t> Resolver<'t> {
    pub(crate) fn new(
        template: &'t Tree,
        given: &'t BTreeMap<String, String>,
        folder: &Path,
    ) -> Self {
        Self {
            template,
            given,
            folder: folder.to_owned(),
            steps: 0,
            missing: BTreeSet::new(),
            made_up: BTreeMap::new(),
            assumed: BTreeSet::new(),
            apis: BTreeMap::new(),
        }
    }

    /// A value with all functions in it done; `None` where it is `AWS::NoValue`.
    pub(crate) fn resolve(&mut self, tree: &Tree) -> Option<Tree> {
        match tree {
            Tree::List(items) => Some(Tree::List(
                items.iter().filter_map(|item| self.resolve(item)).collect(),
            )),
            Tree::Map(entries) => {
                if let [(name, argument)] = entries.as_slice()
                    && is_function(name)
                {
                    return match self.function(name, argument) {
                        Outcome::Value(value) => Some(value),
                        Outcome::NoValue => None,
                        Outcome::Unknown => Some(tree.clone()),
                    };
                }
                let mut resolved = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    if let Some(value) = self.resolve(value) {
                        resolved.push((key.clone(), value));
                    }
                }
                Some(Tree::Map(resolved))
            }
            other => Some(other.clone()),
        }
    }

    /// What the globals of a SAM template say for a kind of resource, such as `Api`.
    pub(crate) fn globals(&self, section: &str) -> Option<Tree> {
        self.template.at(&["Globals", section]).cloned()
    }

    /// Text, when that is what a value comes to.
    pub(crate) fn text(&mut self, tree: &Tree) -> Option<String> {
        self.resolve(tree)?.scalar()
    }

    fn function(&mut self, name: &str, argument: &Tree) -> Outcome {
        if self.steps >= MOST_STEPS {
            return Outcome::Unknown;
        }
        self.steps += 1;
        let outcome = self.call(name, argument).unwrap_or(Outcome::Unknown);
        self.steps -= 1;
        outcome
    }

    fn call(&mut self, name: &str, argument: &Tree) -> Option<Outcome> {
        let value = |text: String| Some(Outcome::Value(Tree::Text(text)));
        match name {
            "Ref" => {
                let name = argument.as_text()?;
                if name == NO_VALUE {
                    return Some(Outcome::NoValue);
                }
                self.reference(name).map(Outcome::Value)
            }
            "Fn::GetAtt" => {
                let (resource, attribute) = self.attribute_of(argument)?;
                value(self.attribute(&resource, &attribute)?)
            }
            "Fn::Sub" => value(self.substitute(argument)?),
            "Fn::Join" => {
                let [separator, list] = argument.items() else {
                    return None;
                };
                let separator = separator.as_text()?;
                let texts: Option<Vec<String>> = self
                    .resolve(list)?
                    .items()
                    .iter()
                    .map(Tree::scalar)
                    .collect();
                value(texts?.join(separator))
            }
            "Fn::Split" => {
                let [separator, text] = argument.items() else {
                    return None;
                };
                let text = self.text(text)?;
                let parts: Vec<&str> = text.split(separator.as_text()?).collect();
                Some(Outcome::Value(Tree::from(parts)))
            }
            "Fn::Select" => {
                let [index, list] = argument.items() else {
                    return None;
                };
                let index: usize = self.text(index)?.parse().ok()?;
                let list = self.resolve(list)?;
                let found = match &list {
                    // A parameter of type CommaDelimitedList.
                    Tree::Text(text) => text.split(',').nth(index).map(|text| text.trim().into()),
                    _ => list.items().get(index).cloned(),
                };
                found.map(Outcome::Value)
            }
            "Fn::FindInMap" => {
                let [map, top, second, ..] = argument.items() else {
                    return None;
                };
                let keys = [self.text(map)?, self.text(top)?, self.text(second)?];
                let [map, top, second] = &keys;
                let found = self.template.at(&["Mappings", map, top, second]);
                found.cloned().map(Outcome::Value)
            }
            "Fn::If" => {
                let [condition, yes, no] = argument.items() else {
                    return None;
                };
                let chosen = match self.condition(condition.as_text()?)? {
                    true => yes,
                    false => no,
                };
                Some(match self.resolve(chosen) {
                    Some(value) => Outcome::Value(value),
                    None => Outcome::NoValue,
                })
            }
            "Condition" | "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                let holds = self.holds(name, argument)?;
                Some(Outcome::Value(Tree::Bool(holds)))
            }
            "Fn::Base64" => {
                use base64::Engine as _;
                let text = self.text(argument)?;
                value(base64::engine::general_purpose::STANDARD.encode(text))
            }
            "Fn::ToJsonString" => value(self.resolve(argument)?.to_string()),
            "Fn::ImportValue" => {
                let export = self.text(argument)?;
                match self.given.get(&export) {
                    Some(given) => value(given.clone()),
                    None => {
                        self.missing.insert(export);
                        None
                    }
                }
            }
            "Fn::Transform" => self.included(argument).map(Outcome::Value),
            _ => {
                self.missing.insert(name.to_owned());
                None
            }
        }
    }

    /// The value of a parameter or pseudo parameter, or what a resource is referred to by.
    fn reference(&mut self, name: &str) -> Option<Tree> {
        if let Some(given) = self.given.get(name) {
            return Some(self.of_type(name, given));
        }
        if let Some(value) = self.pseudo(name) {
            return Some(value.into());
        }
        if let Some(parameter) = self.template.at(&["Parameters", name]) {
            let Some(default) = parameter.get("Default").and_then(Tree::scalar) else {
                self.missing.insert(name.to_owned());
                return None;
            };
            return Some(self.of_type(name, &default));
        }
        if let Some((resource, attribute)) = name.split_once('.') {
            return self.attribute(resource, attribute).map(Tree::Text);
        }
        let value = self.resource(name, None);
        if value.is_none() {
            self.missing.insert(name.to_owned());
        }
        value.map(Tree::Text)
    }

    /// A parameter's value: a list where its type says so.
    fn of_type(&self, name: &str, value: &str) -> Tree {
        let kind = self.template.at(&["Parameters", name, "Type"]);
        match kind.and_then(Tree::as_text) {
            Some(kind) if kind == "CommaDelimitedList" || kind.starts_with("List<") => {
                let items: Vec<&str> = value.split(',').map(str::trim).collect();
                Tree::from(items)
            }
            _ => Tree::from(value),
        }
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html>
    fn pseudo(&mut self, name: &str) -> Option<String> {
        let (name, value) = match name {
            "AWS::Region" => ("AWS::Region", "us-east-1"),
            "AWS::AccountId" => ("AWS::AccountId", "000000000000"),
            "AWS::Partition" => return Some("aws".to_owned()),
            "AWS::URLSuffix" => return Some("amazonaws.com".to_owned()),
            "AWS::StackName" => return Some("stack".to_owned()),
            "AWS::StackId" => {
                return Some(format!("{}/stack", self.arn("cloudformation", "stack")));
            }
            _ => return None,
        };
        self.assumed.insert(name);
        Some(value.to_owned())
    }

    fn pseudo_or_given(&mut self, name: &str) -> String {
        match self.given.get(name) {
            Some(given) => given.clone(),
            None => self.pseudo(name).unwrap_or_default(),
        }
    }

    fn attribute_of(&mut self, argument: &Tree) -> Option<(String, String)> {
        match argument {
            Tree::Text(text) => {
                let (resource, attribute) = text.split_once('.')?;
                Some((resource.to_owned(), attribute.to_owned()))
            }
            Tree::List(items) => match items.as_slice() {
                [resource, attribute] => {
                    Some((resource.as_text()?.to_owned(), self.text(attribute)?))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What a resource says about itself.
    fn attribute(&mut self, resource: &str, attribute: &str) -> Option<String> {
        let name = format!("{resource}.{attribute}");
        if let Some(given) = self.given.get(&name) {
            return Some(given.clone());
        }
        let value = self.resource(resource, Some(attribute));
        if value.is_none() {
            self.missing.insert(name);
        }
        value
    }

    fn arn(&mut self, service: &str, resource: &str) -> String {
        let region = self.pseudo_or_given("AWS::Region");
        let account = self.pseudo_or_given("AWS::AccountId");
        let partition = self.pseudo_or_given("AWS::Partition");
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// What `Ref`, or `Fn::GetAtt` with an attribute, gives for a resource of the template.
    fn resource(&mut self, id: &str, attribute: Option<&str>) -> Option<String> {
        let resource = self.template.at(&["Resources", id])?;
        let kind = resource.text_of("Type")?.strip_prefix("AWS::")?;
        let name = |resolver: &mut Self, property: &str| {
            let given = resource.at(&["Properties", property]);
            let named = given.and_then(|given| resolver.text(given));
            named.unwrap_or_else(|| {
                resolver.made_up.insert(id.to_owned(), kind.to_owned());
                id.to_owned()
            })
        };
        Some(match (kind, attribute) {
            ("Serverless::Function" | "Lambda::Function", None) => name(self, "FunctionName"),
            ("Serverless::Function" | "Lambda::Function", Some("Arn")) => {
                let name = name(self, "FunctionName");
                self.arn("lambda", &format!("function:{name}"))
            }
            ("Serverless::Function", Some("Alias")) => {
                let name = name(self, "FunctionName");
                let alias = resource.at(&["Properties", "AutoPublishAlias"])?;
                let alias = self.text(alias)?;
                self.arn("lambda", &format!("function:{name}:{alias}"))
            }
            ("Lambda::Alias", None) => {
                let function = name(self, "FunctionName");
                let alias = name(self, "Name");
                match function.starts_with("arn:") {
                    true => format!("{function}:{alias}"),
                    false => self.arn("lambda", &format!("function:{function}:{alias}")),
                }
            }
            ("IAM::Role", None) => name(self, "RoleName"),
            ("IAM::Role", Some("Arn")) => {
                let name = name(self, "RoleName");
                let account = self.pseudo_or_given("AWS::AccountId");
                let partition = self.pseudo_or_given("AWS::Partition");
                format!("arn:{partition}:iam::{account}:role/{name}")
            }
            ("SQS::Queue", None | Some("QueueUrl")) => {
                let name = name(self, "QueueName");
                let region = self.pseudo_or_given("AWS::Region");
                let account = self.pseudo_or_given("AWS::AccountId");
                format!("https://sqs.{region}.amazonaws.com/{account}/{name}")
            }
            ("SQS::Queue", Some("Arn")) => {
                let name = name(self, "QueueName");
                self.arn("sqs", &name)
            }
            ("SQS::Queue", Some("QueueName")) => name(self, "QueueName"),
            ("SNS::Topic", None | Some("TopicArn")) => {
                let name = name(self, "TopicName");
                self.arn("sns", &name)
            }
            ("SNS::Topic", Some("TopicName")) => name(self, "TopicName"),
            ("DynamoDB::Table" | "Serverless::SimpleTable", None) => name(self, "TableName"),
            ("DynamoDB::Table" | "Serverless::SimpleTable", Some("Arn")) => {
                let name = name(self, "TableName");
                self.arn("dynamodb", &format!("table/{name}"))
            }
            ("StepFunctions::StateMachine", None | Some("Arn")) => {
                let name = name(self, "StateMachineName");
                self.arn("states", &format!("stateMachine:{name}"))
            }
            ("Serverless::StateMachine", None | Some("Arn")) => {
                let name = name(self, "Name");
                self.arn("states", &format!("stateMachine:{name}"))
            }
            ("StepFunctions::StateMachine", Some("Name")) => name(self, "StateMachineName"),
            ("Serverless::StateMachine", Some("Name")) => name(self, "Name"),
            ("Events::EventBus", None | Some("Name")) => name(self, "Name"),
            ("Events::EventBus", Some("Arn")) => {
                let name = name(self, "Name");
                self.arn("events", &format!("event-bus/{name}"))
            }
            ("Kinesis::Stream", None) => name(self, "Name"),
            ("Kinesis::Stream", Some("Arn")) => {
                let name = name(self, "Name");
                self.arn("kinesis", &format!("stream/{name}"))
            }
            ("KinesisFirehose::DeliveryStream", None) => name(self, "DeliveryStreamName"),
            ("KinesisFirehose::DeliveryStream", Some("Arn")) => {
                let name = name(self, "DeliveryStreamName");
                self.arn("firehose", &format!("deliverystream/{name}"))
            }
            ("S3::Bucket", None) => name(self, "BucketName").to_lowercase(),
            ("S3::Bucket", Some("Arn")) => {
                let name = name(self, "BucketName").to_lowercase();
                format!("arn:aws:s3:::{name}")
            }
            ("Cognito::UserPool", None) => self.pool(id),
            ("Cognito::UserPool", Some("Arn")) => {
                let pool = self.pool(id);
                self.arn("cognito-idp", &format!("userpool/{pool}"))
            }
            ("Cognito::UserPool", Some("ProviderName" | "ProviderURL")) => {
                let pool = self.pool(id);
                let region = self.pseudo_or_given("AWS::Region");
                let scheme = match attribute {
                    Some("ProviderURL") => "https://",
                    _ => "",
                };
                format!("{scheme}cognito-idp.{region}.amazonaws.com/{pool}")
            }
            (
                "ApiGateway::RestApi"
                | "Serverless::Api"
                | "ApiGatewayV2::Api"
                | "Serverless::HttpApi",
                None | Some("RestApiId" | "ApiId"),
            ) => self.apis.get(id).cloned().unwrap_or_else(|| id.to_owned()),
            ("ApiGateway::RestApi", Some("RootResourceId")) => format!("{id}.RootResourceId"),
            ("ApiGateway::Resource", Some("ResourceId"))
            | ("ApiGateway::Authorizer", Some("AuthorizerId"))
            | ("ApiGateway::RequestValidator", Some("RequestValidatorId"))
            | ("ApiGatewayV2::Authorizer", Some("AuthorizerId")) => id.to_owned(),
            ("ApiGateway::Stage", None) => name(self, "StageName"),
            ("ApiGatewayV2::Stage", None) => name(self, "StageName"),
            ("ApiGateway::Model", None) => name(self, "Name"),
            ("ApiGateway::DomainName" | "ApiGatewayV2::DomainName", None) => {
                name(self, "DomainName")
            }
            ("ElasticLoadBalancingV2::Listener", None | Some("ListenerArn")) => {
                self.made_up.insert(id.to_owned(), kind.to_owned());
                self.arn("elasticloadbalancing", &format!("listener/{id}"))
            }
            ("ElasticLoadBalancingV2::LoadBalancer", None | Some("LoadBalancerArn")) => {
                self.made_up.insert(id.to_owned(), kind.to_owned());
                self.arn("elasticloadbalancing", &format!("loadbalancer/{id}"))
            }
            (kind, None) if kind.starts_with("ApiGateway") => id.to_owned(),
            (kind, None) => {
                self.made_up.insert(id.to_owned(), kind.to_owned());
                id.to_owned()
            }
            _ => return None,
        })
    }

    /// The id of a user pool, which CloudFormation makes up.
    fn pool(&mut self, id: &str) -> String {
        if let Some(given) = self.given.get(id) {
            return given.clone();
        }
        self.made_up
            .insert(id.to_owned(), "Cognito::UserPool".to_owned());
        let region = self.pseudo_or_given("AWS::Region");
        format!("{region}_{id}")
    }

    /// `Fn::Sub`: a text, or a text and values for names in it.
    fn substitute(&mut self, argument: &Tree) -> Option<String> {
        let (text, own) = match argument {
            Tree::Text(text) => (text.as_str(), None),
            Tree::List(items) => match items.as_slice() {
                [Tree::Text(text)] => (text.as_str(), None),
                [Tree::Text(text), own] => (text.as_str(), Some(own)),
                _ => return None,
            },
            _ => return None,
        };
        let mut result = String::new();
        let mut rest = text;
        // Everything that is missing is told at once.
        let mut complete = true;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after.split_once('}')?;
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let value = match own.and_then(|own| own.get(name)) {
                Some(own) => self.text(own),
                None => self.reference(name).and_then(|value| value.scalar()),
            };
            match value {
                Some(value) => result.push_str(&value),
                None => complete = false,
            }
        }
        result.push_str(rest);
        complete.then_some(result)
    }

    /// Whether a condition of the template holds.
    pub(crate) fn condition(&mut self, name: &str) -> Option<bool> {
        if self.steps >= MOST_STEPS {
            return None;
        }
        let [(function, argument)] = self.template.at(&["Conditions", name])?.entries() else {
            return None;
        };
        self.steps += 1;
        let holds = self.holds(function, argument);
        self.steps -= 1;
        holds
    }

    fn holds(&mut self, function: &str, argument: &Tree) -> Option<bool> {
        match function {
            "Condition" => self.condition(argument.as_text()?),
            "Fn::Equals" => {
                let [left, right] = argument.items() else {
                    return None;
                };
                let known = |value: Option<Tree>| value?.scalar();
                let left = self.resolve(left);
                let right = self.resolve(right);
                Some(known(left)? == known(right)?)
            }
            "Fn::Not" => {
                let [inner] = argument.items() else {
                    return None;
                };
                self.inner(inner).map(|holds| !holds)
            }
            "Fn::And" | "Fn::Or" => {
                let stops_at = function == "Fn::Or";
                let mut known = true;
                for inner in argument.items() {
                    match self.inner(inner) {
                        Some(holds) if holds == stops_at => return Some(stops_at),
                        Some(_) => {}
                        None => known = false,
                    }
                }
                known.then_some(!stops_at)
            }
            _ => None,
        }
    }

    fn inner(&mut self, inner: &Tree) -> Option<bool> {
        if self.steps >= MOST_STEPS {
            return None;
        }
        let [(function, argument)] = inner.entries() else {
            return inner.as_bool();
        };
        self.steps += 1;
        let holds = self.holds(function, argument);
        self.steps -= 1;
        holds
    }

    /// `AWS::Include` of a file beside the template.
    fn included(&mut self, argument: &Tree) -> Option<Tree> {
        if argument.text_of("Name") != Some("AWS::Include") {
            self.missing.insert("Fn::Transform".to_owned());
            return None;
        }
        let location = argument.at(&["Parameters", "Location"])?;
        let location = self.text(location)?;
        match self.file(&location) {
            Some(included) => self.resolve(&included),
            None => {
                self.missing.insert(location);
                None
            }
        }
    }

    /// A file beside the template; `None` when it is not one that can be read.
    pub(crate) fn file(&self, location: &str) -> Option<Tree> {
        if location.contains("://") {
            return None;
        }
        let file = self.folder.join(location);
        let bytes = std::fs::read(&file).ok()?;
        let mut unheard = Report::new();
        let document = Document::parse_template(&file, &bytes, &mut unheard)?;
        (!unheard.has_errors()).then(|| Tree::from(&document.root))
    }
}

/// What a function comes to.
enum Outcome {
    Value(Tree),
    /// `AWS::NoValue`: what has it as its value is not there.
    NoValue,
    /// Nothing tells.
    Unknown,
}

/// Whether a key is the name of a function.
fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// Whether a function stands anywhere in a value.
pub(crate) fn has_function(tree: &Tree) -> bool {
    match tree {
        Tree::List(items) => items.iter().any(has_function),
        Tree::Map(entries) => entries
            .iter()
            .any(|(key, value)| key == "Ref" || key.starts_with("Fn::") || has_function(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
