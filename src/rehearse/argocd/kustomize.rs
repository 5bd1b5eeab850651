//! What a kustomization does to the objects it lists, those from folders below included.
use serde_json::{Value, json};

/// Applies the transformers of one kustomization. References between objects aren't followed.
pub fn transform(kustomization: &Value, objects: &mut [Value]) {
    for object in objects {
        let text = |field: &str| kustomization[field].as_str();
        let named = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        for replicas in list(&kustomization["replicas"]) {
            if replicas["name"] == *named && object["spec"].get("replicas").is_some() {
                object["spec"]["replicas"] = replicas["count"].clone();
            }
        }
        for image in list(&kustomization["images"]) {
            for container in containers(object) {
                retag(container, image);
            }
        }
        if let Some(namespace) = text("namespace") {
            object["metadata"]["namespace"] = json!(namespace);
        }
        let prefix = text("namePrefix").unwrap_or_default();
        let suffix = text("nameSuffix").unwrap_or_default();
        object["metadata"]["name"] = json!(format!("{prefix}{named}{suffix}"));
        let template = object.pointer("/spec/template").is_some();
        let of_template = |path| template.then_some(path);
        let annotations =
            [Some("/metadata/annotations"), of_template("/spec/template/metadata/annotations")];
        add(object, &annotations, &kustomization["commonAnnotations"]);
        let selector = object.pointer("/spec/selector/matchLabels").is_some();
        let labels = [
            Some("/metadata/labels"),
            of_template("/spec/template/metadata/labels"),
            selector.then_some("/spec/selector/matchLabels"),
        ];
        add(object, &labels, &kustomization["commonLabels"]);
        for more in list(&kustomization["labels"]) {
            add(object, &[Some("/metadata/labels")], &more["pairs"]);
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn containers(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    let containers = object.pointer_mut("/spec/template/spec/containers");
    containers.and_then(Value::as_array_mut).into_iter().flatten()
}

/// `name` is an image without its tag.
fn retag(container: &mut Value, wanted: &Value) {
    let Some(image) = container["image"].as_str() else { return };
    let (name, tag) = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    };
    if wanted["name"] == *name {
        let name = wanted["newName"].as_str().unwrap_or(name);
        let tag = wanted["newTag"].as_str().unwrap_or(tag);
        container["image"] = json!(format!("{name}:{tag}"));
    }
}

/// Adds pairs to the maps at these places, which are made where they are missing.
fn add(object: &mut Value, places: &[Option<&str>], pairs: &Value) {
    for (key, value) in pairs.as_object().into_iter().flatten() {
        for place in places.iter().copied().flatten() {
            let steps = place.split('/').skip(1);
            let at = steps.fold(&mut *object, |object, step| {
                if !object[step].is_object() {
                    object[step] = json!({});
                }
                &mut object[step]
            });
            at[key.as_str()] = value.clone();
        }
    }
}
